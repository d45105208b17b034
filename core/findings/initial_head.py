"""Whether an audit knew more than an outsider can, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.core.findings.finding import Finding
from assay.core.specs.audit import INSIDERS_HEAD, HeadStart
from assay.core.specs.data import Task

_PERHAPS = (
    "An earlier version made this audit. If the base model has no classification head, base model "
    "and students started from the head that `assay finetune` drew, which no outsider knows: then "
    "use this audit for evaluation only."
)


def insiders_view(meta: Mapping[str, Any]) -> str | None:
    """The note shown with everything in an audit; ``meta``: what its file says about itself.

    None for an audit that any outsider could make.
    """
    start = meta.get("initial_head")
    if start is not None:
        return INSIDERS_HEAD if start == HeadStart.RECORDED else None
    is_recorded = str(meta["training"].get("source", "")).startswith("recorded")
    return _PERHAPS if is_recorded and meta["spec"]["task"] == Task.CLASSIFICATION else None


def with_insiders_view(found: Finding, meta: Mapping[str, Any]) -> Finding:
    """The finding, preceded by what it uses that no outsider has."""
    sentence = insiders_view(meta)
    return found if sentence is None else Finding(found.headline, (sentence, *found.sentences))
