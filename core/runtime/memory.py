"""How much memory this process may use, and how much of it is left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Memory:
    """``limit``: bytes for the whole process; None for as much as there is."""

    limit: int | None = None

    @property
    def left(self) -> float:
        """Bytes that this process may still take."""
        if self.limit is None:
            return math.inf
        return self.limit - psutil.Process().memory_info().rss


UNBOUNDED = Memory()
