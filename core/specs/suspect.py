"""A suspect test's options as plain values that the core, the store and the pages share."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.audit import BASE, FINAL, INITIAL_HEAD, TITLE, InitialHead
from assay.core.specs.data import LABEL_WORDS, RESPONSE_TEMPLATE, TASK, DataRef, Task
from assay.core.specs.options import option
from assay.core.specs.place_names import name_of


@dataclass(frozen=True)
class SuspectSpec:
    """Documents that an owner believes were trained on, and similar ones that were not.

    Both are tested on one model pair. ``max_tokens`` None: as `assay finetune` recorded, else the
    default.
    """

    base: str = option(**BASE)
    final: str = option(**FINAL)
    suspects: DataRef = option(help="Documents that you believe were trained on.")
    controls: DataRef = option(
        help="Documents from the same distribution as the suspects that were certainly not "
        "trained on."
    )
    task: Task = option(Task.CLASSIFICATION, **TASK)
    label_words: tuple[str, ...] | None = option(None, **LABEL_WORDS)
    response_template: str | None = option(None, **RESPONSE_TEMPLATE)
    max_tokens: int | None = option(
        None,
        minimum=1,
        help="Tokens to read of each document.",
        unset="as recorded by `assay finetune`, else 128",
    )
    initial_head: InitialHead = option(InitialHead.UNKNOWN, **INITIAL_HEAD)
    seed: int = option(0, minimum=0, help="Random seed.")
    title: str = option("", **TITLE)

    @property
    def job_title(self) -> str:
        """What a list of jobs calls it."""
        return self.title or f"Suspects {name_of(self.suspects.location)}"
