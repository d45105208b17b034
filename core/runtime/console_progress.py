"""Progress as lines on stderr, for work that no job table knows of."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_LINE_EVERY_S = 60.0


class ConsoleProgress:
    """Implements ``core.runtime.progress.Progress``."""

    def __init__(self) -> None:
        self._stage, self._n_units, self._n_done = "", 0, 0
        self._printed_at = time.monotonic()

    @contextmanager
    def stage(self, name: str, n_units: int) -> Iterator[None]:
        self._stage, self._n_units, self._n_done = name, n_units, 0
        self.note(f"{name} …")
        started_at = time.monotonic()
        yield
        self.note(f"{name} done in {time.monotonic() - started_at:.1f} s")

    def advance(self, n_units: int = 1) -> None:
        self._n_done += n_units
        if self._n_units and time.monotonic() - self._printed_at >= _LINE_EVERY_S:
            self.note(f"{self._stage}: {self._n_done / self._n_units:.0%}")

    def pace(self, text: str) -> None:
        pass

    def note(self, line: str) -> None:
        self._printed_at = time.monotonic()
        print(line, file=sys.stderr, flush=True)

    def expect(self, plan: Mapping[str, float]) -> None:
        pass
