"""How long work reports its progress: pipelines only know this protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives stages and units; ``advance`` also raises if the user cancels."""

    def stage(self, name: str, n_units: int) -> AbstractContextManager[None]:
        """Enter a named stage of ``n_units`` equal steps (0 where unknown)."""
        ...

    def advance(self, n_units: int = 1) -> None:
        """Count finished units of the current stage; Cancelled if the user asked to stop."""
        ...

    def pace(self, text: str) -> None:
        """The current speed, such as "160 tokens/s"; shown with the stage until that ends."""
        ...

    def note(self, line: str) -> None:
        """A line for the log."""
        ...

    def expect(self, plan: Mapping[str, float]) -> None:
        """Expected seconds of stages to come, once they are known better than at the start."""
        ...


class SilentProgress:
    """For callers that show no progress."""

    @contextmanager
    def stage(self, name: str, n_units: int) -> Iterator[None]:
        yield

    def advance(self, n_units: int = 1) -> None:
        pass

    def pace(self, text: str) -> None:
        pass

    def note(self, line: str) -> None:
        pass

    def expect(self, plan: Mapping[str, float]) -> None:
        pass
