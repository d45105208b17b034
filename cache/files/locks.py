"""Locks: one process at a time, and a message to the user while others wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_WAIT_S = 2.0


@contextmanager
def waiting_lock(path: Path, while_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file ``path``; ``while_waiting`` is called every few seconds until then."""
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=_WAIT_S)
            break
        except Timeout:
            while_waiting()
    try:
        yield
    finally:
        lock.release()
