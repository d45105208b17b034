"""The result of a finished piece of work: the location of its sealed file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """The name and file of a sealed result, whether it existed before, and its counts."""

    id: str
    path: Path
    was_there: bool
    counts: Mapping[str, int] = field(default_factory=dict)
