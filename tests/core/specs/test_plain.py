"""A sealed spec is read back as one, checked."""

from __future__ import annotations

import json

import pytest
from support.specs import SPECS

from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.plain import from_plain, to_plain


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_what_was_written_is_read_back(spec):
    """A spec that went through JSON is the same spec, types and all."""
    read = from_plain(type(spec), json.loads(json.dumps(to_plain(spec))))
    assert read == spec
    assert repr(read) == repr(spec)


PLAIN = to_plain(SPECS[0])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({**PLAIN, "colour": 1}, "colour"),
        ({**PLAIN, "budget": "many"}, "budget"),
        ({**PLAIN, "budget": True}, "budget"),
        ({**PLAIN, "budget": None}, "budget"),
        ({**PLAIN, "is_mapped": 1}, "is_mapped"),
        ({**PLAIN, "task": "poetry"}, "task"),
        ({**PLAIN, "strategies": "select"}, "strategies"),
        ({**PLAIN, "strategies": ["select", 3]}, "strategies"),
        ({**PLAIN, "reference": "r.csv"}, "reference"),
        ({**PLAIN, "reference": {"place": "r.csv"}}, "reference.place"),
        ({**PLAIN, "seed_corpus": [{"text_column": "text"}]}, "seed_corpus.location"),
        ({**PLAIN, "training": {**PLAIN["training"], "batch_size": 1.5}}, "training.batch_size"),
        ({**PLAIN, "seed": 10**400}, "seed"),
        ({**PLAIN, "leaked_shares": [float("inf")]}, "leaked_shares"),
        *(
            ({**PLAIN, "training": {**PLAIN["training"], "momentum": wrong}}, "training.momentum")
            for wrong in (float("nan"), float("inf"), -float("inf"), 10**400)
        ),
        ({k: v for k, v in PLAIN.items() if k != "base"}, "base"),
        ([], "AuditSpec"),
    ],
)
def test_what_does_not_fit_is_named(wrong, named):
    """An unknown or missing key, or a value of another type, is bad input that names the key."""
    with pytest.raises(InputError) as error:
        from_plain(AuditSpec, wrong)
    assert named in str(error.value)


def test_whole_numbers_are_fractions_too():
    """JSON writes 1.0 as 1 in other hands; it is the same number."""
    plain = {**PLAIN, "training": {**PLAIN["training"], "momentum": 1}}
    momentum = from_plain(AuditSpec, plain).training.momentum
    assert momentum == 1.0
    assert isinstance(momentum, float)
