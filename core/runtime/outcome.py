"""What a finished piece of work says: where its sealed file is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """The name and file of a sealed result, whether it was there before, and what it counted."""

    id: str
    path: Path
    was_there: bool
    counts: Mapping[str, int] = field(default_factory=dict)
