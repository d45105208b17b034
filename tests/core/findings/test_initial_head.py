"""What an audit knew beyond an outsider is said beside what it found."""

from __future__ import annotations

import pytest

from assay.core.findings.finding import Finding
from assay.core.findings.initial_head import insiders_view, with_insiders_view
from assay.core.specs.audit import INSIDERS_HEAD, HeadStart


def meta(source="default", task="classification", **more):
    return {"training": {"source": source}, "spec": {"task": task}, **more}


def test_only_the_recorded_head_is_called_the_insiders():
    """The finding of such an audit begins with what no outsider has; others stay as they are."""
    found = Finding("SELECT wins.", ("Because.",))
    for start in (HeadStart.OWN, HeadStart.UNKNOWN):
        assert with_insiders_view(found, meta(initial_head=str(start))) == found
    said = with_insiders_view(found, meta(initial_head=str(HeadStart.RECORDED)))
    assert said == Finding("SELECT wins.", (INSIDERS_HEAD, "Because."))
    assert INSIDERS_HEAD.startswith("Evaluation only")


@pytest.mark.parametrize(
    ("source", "task", "is_doubted"),
    [
        ("recorded by assay finetune", "classification", True),
        ("recorded by assay finetune", "sft", False),
        ("default", "classification", False),
    ],
)
def test_an_older_audit_is_doubted_where_it_may_have_known_the_head(source, task, is_doubted):
    """Audits from before the question took a recorded head without saying so."""
    said = insiders_view(meta(source, task))
    assert (said is not None) == is_doubted
    assert said is None or "evaluation only" in said
