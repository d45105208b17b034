"""How long work tells where it is: the pipelines speak to this protocol and to nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Told of stages and units; ``advance`` is also where a cancellation arrives."""

    def stage(self, name: str, n_units: int) -> AbstractContextManager[None]:
        """Enter a named stage of ``n_units`` equal steps (0 where unknown)."""
        ...

    def advance(self, n_units: int = 1) -> None:
        """Count finished units of the current stage; Cancelled if the user asked to stop."""
        ...

    def pace(self, text: str) -> None:
        """How fast it goes, as "160 tokens/s": shown beside the stage until that ends."""
        ...

    def note(self, line: str) -> None:
        """A line for the log."""
        ...


class SilentProgress:
    """For callers that show nothing."""

    @contextmanager
    def stage(self, name: str, n_units: int) -> Iterator[None]:
        yield

    def advance(self, n_units: int = 1) -> None:
        pass

    def pace(self, text: str) -> None:
        pass

    def note(self, line: str) -> None:
        pass
