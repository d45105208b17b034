"""What a diff of two decompressions compares, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from assay.core.specs.options import Names, option

# Seconds on two cores for some hundred names and answers; only the proportions matter.
DIFF_PLAN = {"read": 1.0, "compare": 20.0, "judge": 5.0, "seal": 1.0}


@dataclass(frozen=True)
class DiffSpec:
    """Two decompressions, and one that says how much runs of one model differ."""

    first: str = option(
        is_argument=True,
        names=Names.DECOMPRESSION,
        help="A decompression: its name in the store, or a file.",
    )
    second: str = option(
        is_argument=True,
        names=Names.DECOMPRESSION,
        help="A decompression of the other model or version.",
    )
    noise: str | None = option(
        None,
        names=Names.DECOMPRESSION,
        is_main=True,
        help="A decompression of the first or second model with another seed. It shows how much "
        "two runs of one model differ.",
        unset="found in the store",
    )

    @property
    def job_title(self) -> str:
        """What a list of jobs calls it."""
        return f"Diff of {self.first} and {self.second}"


class Change(StrEnum):
    """What happened to a topic from A to B."""

    LOST = "lost"  # B does not name it anywhere
    GAINED = "gained"  # A does not name it anywhere
    MOVED = "moved"  # one of them names it only under another topic
    SHIFTED = "shifted"  # both name it


class Quantity(StrEnum):
    """What is compared between branches."""

    SUPPORT = "support"
    QUALITY = "quality"
