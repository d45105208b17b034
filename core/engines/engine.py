"""Who computes pieces of work: this process, or workers on several machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeAlias, TypeVar

# What the caller knows of a piece, and what is sent to be computed.
Tag = TypeVar("Tag")
Piece = TypeVar("Piece")
Made = TypeVar("Made")
# From what a worker holds (models) to the function that computes a piece. It is sent to workers, so
# it is made of plain values and can be compared: a worker makes each function once.
Prepare: TypeAlias = Callable[[Any], Callable[[Any], Any]]


class Engine(Protocol):
    """Computes pieces of work."""

    def computed(
        self,
        here: Callable[[Piece], Made],
        there: Prepare,
        pieces: Iterable[tuple[Tag, Piece]],
    ) -> Iterator[tuple[Tag, Made]]:
        """The result of every piece, each once, in any order.

        ``here`` computes a piece in this process; ``there`` says how a worker does. ``pieces`` are
        drawn as they are needed.
        """
        ...


class LocalEngine:
    """Computes one piece after the other in this process."""

    def computed(
        self,
        here: Callable[[Piece], Made],
        there: Prepare,
        pieces: Iterable[tuple[Tag, Piece]],
    ) -> Iterator[tuple[Tag, Made]]:
        """See ``Engine``."""
        for tag, piece in pieces:
            yield tag, here(piece)
