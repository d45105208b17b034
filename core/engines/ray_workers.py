"""What runs in a worker of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from assay.core.engines.engine import Prepare

# Other versions of these may compute other numbers, which the cache could not distinguish.
_MUST_AGREE = ("assay-audit", "numpy", "torch", "transformers")


def versions() -> Mapping[str, str]:
    """What must be the same in every process that computes."""
    return {name: metadata.version(name) for name in _MUST_AGREE}


class Worker:
    """Holds models and computes pieces with them; one per device."""

    def __init__(self) -> None:
        self._held: Any = None
        self._prepared: tuple[Prepare, Callable[[Any], Any]] | None = None

    def hold(self, load: Callable[[], Any]) -> Mapping[str, str]:
        """Load what pieces are computed with, and say with which versions."""
        self._held = load()
        return versions()

    def compute(self, prepare: Prepare, piece: Any) -> Any:
        """The result of one piece."""
        if self._prepared is None or self._prepared[0] != prepare:
            self._prepared = None  # frees the memory of the last one first
            self._prepared = prepare, prepare(self._held)
        return self._prepared[1](piece)
