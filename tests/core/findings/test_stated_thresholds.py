"""A headline that calls a p-value evidence, or none, says from where on it would be."""

from __future__ import annotations

import pytest
from support.full_store import ECHO
from support.suspect_record import write_sample_suspects

from assay.cache.files.claims import as_claimed
from assay.cache.store import Store
from assay.core.findings.echo import echo_finding
from assay.core.findings.suspect_test import is_evidence, suspect_finding
from assay.core.specs.results.echo import EchoResult

STATED = "threshold 0.01."


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_a_suspect_test_states_its_threshold(shift):
    """Whether it finds evidence or none."""
    record = write_sample_suspects(Store.default(), shift=shift)
    assert is_evidence(record, 1) == bool(shift)
    assert suspect_finding(record).headline.endswith(STATED)


@pytest.mark.parametrize(("p_value", "found"), [(0.005, " nearer"), (0.03, "no nearer")])
def test_an_echo_states_its_threshold(p_value, found):
    """Whether the answers are nearer or not."""
    targets = [{**one, "p_value": p_value} for one in ECHO["targets"]]
    headline = echo_finding(as_claimed(EchoResult, {**ECHO, "targets": targets})).headline
    assert found in headline
    assert headline.endswith(STATED)
