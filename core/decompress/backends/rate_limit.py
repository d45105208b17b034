"""A limit on requests in flight that adapts to the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class AdaptiveLimit:
    """Slow start, then additive increase, multiplicative decrease, as in TCP (Jacobson, 1988).

    Each answer raises the limit by 1 while it is below ``quickly_until``, and by 1/limit after
    that. Each refusal halves the limit, ends the slow start, and pauses all requests for as long as
    the server asks. Safe to share between threads.
    """

    def __init__(self, start: int, most: int, quickly_until: int = 0) -> None:
        self._limit, self._most = float(start), most
        self._quickly_until = float(min(quickly_until, most))
        self._in_flight = 0
        self._not_before = 0.0
        self._halved_at = 0.0
        self._is_closed = False
        self._condition = threading.Condition()

    @property
    def limit(self) -> int:
        """The number of requests that may be in flight now."""
        return max(1, int(self._limit))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until one more request may be in flight, and count it while inside.

        Nobody waits any longer after the limit is closed.
        """
        with self._condition:
            while not self._is_closed and (self._in_flight >= self.limit or self._wait_s() > 0):
                self._condition.wait(timeout=self._wait_s() or None)
            self._in_flight += 1
        try:
            yield
        finally:
            with self._condition:
                self._in_flight -= 1
                self._condition.notify_all()

    def answered(self) -> None:
        """Raise the limit after an answer."""
        with self._condition:
            step = 1 if self._limit < self._quickly_until else 1 / self._limit
            self._limit = min(self._most, self._limit + step)
            self._condition.notify_all()

    def refused(self, wait_s: float) -> None:
        """Halve the limit after a refusal, and pause for ``wait_s`` seconds.

        Refusals of requests that were in flight together count once.
        """
        with self._condition:
            now = time.monotonic()
            if now >= self._not_before and now - self._halved_at > 0.1:
                self._limit = self._quickly_until = max(1.0, self._limit / 2)
                self._halved_at = now
            self._not_before = max(self._not_before, now + wait_s)

    def close(self) -> None:
        """Release everybody who waits."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def _wait_s(self) -> float:
        return max(0.0, self._not_before - time.monotonic())
