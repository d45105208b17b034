"""How often, and after what waits, a request to a server is repeated."""

from __future__ import annotations

import email.utils
import math
import time
from dataclasses import dataclass

# Too many requests, or not ready: try again. So for every status from 500 on (520 to 530 are a
# proxy's, 529 an overloaded server's).
_AGAIN = {408, 409, 425, 429}
_SERVERS_FAULT = 500


def is_passing(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _AGAIN or status >= _SERVERS_FAULT


@dataclass(frozen=True)
class Patience:
    """How often a request is repeated.

    ``n_tries`` if the error may pass, ``n_tries_of_hangs`` if no complete reply comes (each try
    takes the full time limit), and ``n_tries_of_others`` otherwise. Waits double, starting at
    ``first_wait_s``. No wait is longer than ``longest_wait_s``, whatever the server asks for.
    """

    n_tries: int = 6
    n_tries_of_others: int = 2
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    n_tries_of_hangs: int = 3

    def wait_s(self, attempt: int, retry_after: str | None = None) -> float:
        """Seconds to wait after the given attempt, counted from 0."""
        asked_s = retry_after_s(retry_after)
        own_s = self.first_wait_s * 2**attempt
        return min(self.longest_wait_s, own_s if asked_s is None else max(0.0, asked_s))


def retry_after_s(header: str | None) -> float | None:
    """Seconds that a server asks to wait, given as a number or a date; None if it is neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
        return None if math.isnan(seconds) else seconds
    except ValueError:
        pass
    try:
        return email.utils.parsedate_to_datetime(header).timestamp() - time.time()
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        return None
