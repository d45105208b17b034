"""The budget of one run, over all models that it asks."""

from __future__ import annotations

from assay.core.errors import AssayError

# Tasks that a judge grades a second time, with the response to another task; at most a quarter of
# the examples.
N_CONTROLS, _CONTROLS_AN_EXAMPLE = 24, 0.25


class BudgetReached(AssayError):
    """The next calls would exceed the budget; earlier answers are kept."""


def calls_to_judge(n_examples: int) -> int:
    """The number of calls needed to grade this many examples and to test the judge."""
    return n_examples + min(N_CONTROLS, int(n_examples * _CONTROLS_AN_EXAMPLE))


class Budget:
    """Limits on calls and tokens (None means no limit), and how many were spent.

    ``n_calls`` and ``n_tokens`` count what the run used; ``n_asked`` counts the calls among them
    that were not in the journal.
    """

    def __init__(self, most_calls: int | None = None, most_tokens: int | None = None) -> None:
        self._most_calls, self._most_tokens = most_calls, most_tokens
        self.n_calls = self.n_tokens = self.n_asked = 0

    def n_left(self, n_kept_back: int = 0) -> int | None:
        """How many calls are still allowed, less ``n_kept_back``; None without a limit."""
        if self._most_tokens is not None and self.n_tokens >= self._most_tokens:
            return 0
        if self._most_calls is None:
            return None
        return max(0, self._most_calls - self.n_calls - n_kept_back)

    def n_controls(self) -> int:
        """How many of the remaining calls should test the judge."""
        n_left = self.n_left()
        share = _CONTROLS_AN_EXAMPLE / (1 + _CONTROLS_AN_EXAMPLE)
        return N_CONTROLS if n_left is None else min(N_CONTROLS, int(n_left * share))

    def allows(self, n_more: int, n_kept_back: int = 0) -> bool:
        """Whether ``n_more`` calls are within the budget."""
        n_left = self.n_left(n_kept_back)
        return n_left is None or n_more <= n_left

    def check(self, n_more: int, n_kept_back: int = 0) -> None:
        """BudgetReached unless ``n_more`` calls are within the budget."""
        if not self.allows(n_more, n_kept_back):
            raise BudgetReached(f"the budget was used up after {self.n_calls:,} calls")
