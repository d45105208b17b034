"""How many tokens per second a model is currently writing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 60.0


class Throughput:
    """Tokens answered within the last minute, divided by the time in which the model was asked."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began_at: float | None = None
        self._answered: deque[tuple[float, int]] = deque()

    def begin(self) -> None:
        """Start the clock, unless it is running."""
        if self._began_at is None:
            self._began_at = self._now()

    def add(self, n_tokens: int) -> None:
        """Count an answer's tokens."""
        self._answered.append((self._now(), n_tokens))

    @property
    def tokens_a_second(self) -> float | None:
        """None if there is too little data."""
        now = self._now()
        while self._answered and now - self._answered[0][0] > _WINDOW_S:
            self._answered.popleft()
        if self._began_at is None or not self._answered or now <= self._began_at:
            return None
        return sum(n for _, n in self._answered) / min(_WINDOW_S, now - self._began_at)
