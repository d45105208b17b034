"""Asking a model: from the journal where the answer is there, else from the backend, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from cache.journal import Journal
from core.calls import Answer, Call
from core.decompress.backends.protocol import Backend
from core.decompression import Rung
from core.errors import AssayError
from core.progress import Progress

Read = TypeVar("Read")
# Seeds of a second attempt are far from those of a first one's samples.
_ATTEMPT_STRIDE = 7919
_N_ATTEMPTS = 2


class BudgetReached(AssayError):
    """The next calls would go beyond the budget; what was answered before is kept."""


class Runner:
    """Asks calls for one run and counts them against its budget.

    Everything a run does follows from the answers, and answers from the journal: run again, it
    repeats its steps without asking, up to where it was.
    """

    def __init__(
        self,
        backend: Backend,
        journal: Journal,
        progress: Progress,
        budget_calls: int | None,
        budget_tokens: int | None,
    ) -> None:
        self.backend = backend
        self._journal, self._progress = journal, progress
        self._budget_calls, self._budget_tokens = budget_calls, budget_tokens
        self.n_calls = self.n_tokens = self.n_asked = 0

    def ask(self, calls: Sequence[Call], n_kept_back: int = 0) -> list[Answer]:
        """An answer a call, in order; BudgetReached, before asking any, where they are too many.

        ``n_kept_back`` calls of the budget are left for later stages.
        """
        self._check_budget(len(calls), n_kept_back)
        answers: dict[str, Answer] = {}
        for start in range(0, len(calls), self.backend.batch_size):
            batch = calls[start : start + self.backend.batch_size]
            known = self._journal.find(batch)
            missing = [call for call in batch if call.key not in known]
            for answered in self.backend.answer(missing):
                self._journal.keep(answered)
                self.n_asked += len(answered)
                known |= {call.key: answer for call, answer in answered}
                self._progress.advance(0)
            self._journal.use(batch, self.n_calls)
            self.n_calls += len(batch)
            self.n_tokens += sum(
                known[c.key].n_tokens + known[c.key].n_prompt_tokens for c in batch
            )
            answers |= known
        return [answers[call.key] for call in calls]

    def read(
        self,
        calls: Sequence[Call],
        reader: Callable[[Call, Answer], tuple[Read | None, Rung]],
        n_kept_back: int = 0,
    ) -> list[tuple[Call, Answer, Read | None]]:
        """What ``reader`` makes of each answer, None where nothing; unreadable ones once more.

        Call and answer are of the attempt that was read, or of the last. A second attempt that
        the budget does not allow is not made.
        """
        results: dict[int, tuple[Call, Answer, Read | None]] = {}
        waiting = list(range(len(calls)))
        for attempt in range(_N_ATTEMPTS):
            asked = [_attempt(calls[at], attempt) for at in waiting]
            answers = self.ask(asked, n_kept_back)
            rungs: dict[str, str] = {}
            still: list[int] = []
            for at, call, answer in zip(waiting, asked, answers, strict=True):
                found, rung = reader(call, answer)
                results[at] = (call, answer, found)
                if found is None:
                    still.append(at)
                rungs[call.key] = rung
            can_retry = attempt + 1 < _N_ATTEMPTS and self._allows(len(still), n_kept_back)
            if can_retry:
                rungs |= {asked[waiting.index(at)].key: Rung.RETRY for at in still}
            self._journal.set_rungs(rungs)
            if not (still and can_retry):
                break
            waiting = still
        return [results[at] for at in range(len(calls))]

    def score(self, calls: Sequence[Call], n_kept_back: int = 0) -> list[Answer]:
        """Answers to calls that only score a continuation."""
        answers = self.ask(calls, n_kept_back)
        self._journal.set_rungs({call.key: Rung.SCORED for call in calls})
        return answers

    def show_topics(self, topics: Sequence[Sequence[Any]]) -> None:
        """Let pages see these topics while the run is under way."""
        self._journal.show_topics(topics)

    def n_left(self, n_kept_back: int = 0) -> int | None:
        """How many calls the budget still allows; None without a limit."""
        if self._budget_tokens is not None and self.n_tokens >= self._budget_tokens:
            return 0
        if self._budget_calls is None:
            return None
        return max(0, self._budget_calls - self.n_calls - n_kept_back)

    def _check_budget(self, n_more: int, n_kept_back: int) -> None:
        if not self._allows(n_more, n_kept_back):
            raise BudgetReached(f"the budget is used up after {self.n_calls:,} calls")

    def _allows(self, n_more: int, n_kept_back: int) -> bool:
        n_left = self.n_left(n_kept_back)
        return n_left is None or n_more <= n_left


def _attempt(call: Call, attempt: int) -> Call:
    return replace(call, attempt=attempt, seed=call.seed + attempt * _ATTEMPT_STRIDE)
