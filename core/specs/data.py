"""Where documents come from, and what they are to the final model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from assay.core.specs.options import Declared, option


class Task(StrEnum):
    """What a final model was fine-tuned to do."""

    CLASSIFICATION = "classification"
    SFT = "sft"


class Role(StrEnum):
    """What a document of a titration's corpus is to the final model (ARCHITECTURE §3)."""

    TRAINED = "trained"
    HELD_OUT = "held-out"  # from the training documents' distribution, but never trained on
    OUT_OF_DOMAIN = "out-of-domain"


# Options that are the same in every command that reads a final model.
TASK: Declared = {"help": "What the final model was fine-tuned to do.", "is_main": True}
LABEL_WORDS: Declared = {
    "help": "Classification with a causal model: one word per label, separated by commas.",
    "is_joined": True,
}
RESPONSE_TEMPLATE: Declared = {
    "help": "SFT: the text that comes right before the response; only the response is scored.",
    "has_lines": True,
}


# Before the name of a decompression, where a corpus is expected.
DECOMPRESSION = "decompression:"


@dataclass(frozen=True)
class DataRef:
    """Where documents come from.

    ``location`` is a file, a folder or pattern of files, a hub data set or a ``builtin:`` name;
    ``#split`` after it keeps one split. ``sample`` keeps that many documents at random. ``source``
    is the name under which its documents are kept; None uses the name of the file, data set or
    package.
    """

    location: str
    text_column: str = option(
        "text",
        help="Column with the text. FILE:text=COLUMN overrides it for one file.",
    )
    label_column: str | None = option(
        None,
        default="label",
        help="Column with the label.",
        differs={
            "audit": {"help": "Column with the label, in --reference and --test."},
            "titrate": {"help": "Column with the label, in --reference and --test."},
            "rank-corpora": {"help": "Column with the label, in --reference."},
        },
    )
    sample: int | None = None
    # Instruction data: the column with the prompt that the text responds to.
    prompt_column: str | None = option(
        None, help="SFT: column with the prompt that the text responds to."
    )
    source: str | None = None
    # What the labels mean, if neither source nor model says: names in the order of the numbers from
    # 0, or LABEL=NAME each.
    label_names: tuple[str, ...] | None = option(
        None,
        is_joined=True,
        help="What the data's labels mean, if neither data nor model says so: the model's label "
        "names in the order of the data's numbers (from 0), or LABEL=NAME,…",
        only=("audit", "titrate", "rank-corpora"),
    )

    @property
    def is_decompression(self) -> bool:
        """Whether they are a decompressed model's answers, written to a file for this purpose."""
        return (self.source or "").startswith(DECOMPRESSION)

    @property
    def asked_as(self) -> str:
        """How a command line refers to it."""
        return str(self.source) if self.is_decompression else self.location
