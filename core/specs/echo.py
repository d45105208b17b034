"""What an echo comparison holds two models' words against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EchoTarget:
    """Documents that two models' words are held against.

    kind: seed-corpus, reference, held-out, or selection, which has a strategy.
    """

    kind: str
    strategy: str | None = None
