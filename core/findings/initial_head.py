"""Whether an audit knew more than an outsider can, in words."""

from __future__ import annotations

from assay.core.findings.finding import Finding
from assay.core.specs.audit import INSIDERS_HEAD, HeadStart
from assay.core.specs.data import Task
from assay.core.specs.results.audit import AuditResult

_PERHAPS = (
    "An earlier version made this audit. If the base model has no classification head, base model "
    "and students started from the head that `assay finetune` drew, which no outsider knows: then "
    "use this audit for evaluation only."
)


def insiders_view(audit: AuditResult) -> str | None:
    """The note shown with everything in an audit; None for one that any outsider could make."""
    if audit.initial_head is not None:
        return INSIDERS_HEAD if audit.initial_head is HeadStart.RECORDED else None
    is_recorded = audit.training.source.startswith("recorded")
    return _PERHAPS if is_recorded and audit.asked.task is Task.CLASSIFICATION else None


def with_insiders_view(found: Finding, audit: AuditResult) -> Finding:
    """The finding, preceded by what it uses that no outsider has."""
    sentence = insiders_view(audit)
    return found if sentence is None else Finding(found.headline, (sentence, *found.sentences))
