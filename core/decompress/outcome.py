"""How a decompression or its grading ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """Where a decompression is, and whether it was there before."""

    decompression_id: str
    path: Path
    was_there: bool
    counts: dict[str, int]
