"""What an audit knew beyond an outsider is said beside what it found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.evidence import evidence

from assay.core.findings.finding import Finding
from assay.core.findings.initial_head import insiders_view, with_insiders_view
from assay.core.specs.audit import INSIDERS_HEAD, AuditSpec, HeadStart
from assay.core.specs.data import DataRef, Task
from assay.core.specs.plain import to_plain


def audit(source="default", task=Task.CLASSIFICATION, start=None):
    spec = AuditSpec("base", "final", (DataRef("pool.jsonl"),), task=task)
    made = evidence(spec=to_plain(spec), training={"source": source})
    return replace(made.facts.meta, initial_head=start)


def test_only_the_recorded_head_is_called_the_insiders():
    """The finding of such an audit begins with what no outsider has; others stay as they are."""
    found = Finding("SELECT wins.", ("Because.",))
    for start in (HeadStart.OWN, HeadStart.UNKNOWN):
        assert with_insiders_view(found, audit(start=start)) == found
    said = with_insiders_view(found, audit(start=HeadStart.RECORDED))
    assert said == Finding("SELECT wins.", (INSIDERS_HEAD, "Because."))
    assert INSIDERS_HEAD.startswith("Evaluation only")


@pytest.mark.parametrize(
    ("source", "task", "is_doubted"),
    [
        ("recorded by assay finetune", Task.CLASSIFICATION, True),
        ("recorded by assay finetune", Task.SFT, False),
        ("default", Task.CLASSIFICATION, False),
    ],
)
def test_an_older_audit_is_doubted_where_it_may_have_known_the_head(source, task, is_doubted):
    """Audits from before the question took a recorded head without saying so."""
    said = insiders_view(audit(source, task))
    assert (said is not None) == is_doubted
    assert said is None or "evaluation only" in said
