"""How much memory this process may still take."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Where Linux keeps the limit of this process' container.
_CONTAINER = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class MemoryBound:
    """``most``: the bytes that an audit may take; None for as many as there are."""

    most: int | None = None

    def left(self) -> int:
        """Bytes that this process may still take."""
        return available() if self.most is None else max(0, min(available(), self.most - taken()))


UNBOUNDED = MemoryBound()


def taken() -> int:
    """Bytes that this process holds in memory."""
    return int(psutil.Process().memory_info().rss)


def available(container: Path = _CONTAINER) -> int:
    """Bytes that the machine has left, or this process' container if that is less."""
    left = int(psutil.virtual_memory().available)
    # Without a limit the file is missing or holds a word.
    with suppress(OSError, ValueError):
        limit, used = (
            int((container / f"memory.{name}").read_text()) for name in ("max", "current")
        )
        left = min(left, limit - used)
    return max(left, 0)


def give_back() -> None:
    """Return to the system what nothing refers to any more: models in reference cycles, and what
    the C library keeps of it."""
    gc.collect()
    # Only glibc has it.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
