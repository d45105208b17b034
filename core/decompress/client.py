"""Asking a model: from the journal where the answer is there, else from the backend, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from assay.cache.decompressions.journal import Journal
from assay.core.decompress.backends.base import Backend
from assay.core.decompress.budget import Budget
from assay.core.decompress.throughput import Throughput
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import ParseOutcome
from assay.core.specs.model_calls import Answer, Call

Read = TypeVar("Read")
# Seeds of a second attempt are far from those of a first one's samples.
_ATTEMPT_STRIDE = 7919
_N_ATTEMPTS = 2
# An answer drawn greedily would come again word for word.
_GREEDY_AGAIN = 0.7


class ModelClient:
    """Asks one model calls for one run and counts them against the run's budget.

    Everything a run does follows from the answers, and answers from the journal: run again, it
    repeats its steps without asking, up to where it was.
    """

    def __init__(
        self,
        backend: Backend,
        journal: Journal,
        progress: Progress,
        budget: Budget,
    ) -> None:
        self.backend, self.budget = backend, budget
        self._journal, self._progress, self._pace = journal, progress, Throughput()

    def ask(
        self, calls: Sequence[Call], n_kept_back: int = 0, is_again: bool = False
    ) -> list[Answer]:
        """An answer a call, in order; BudgetReached, before asking any, where they are too many.

        ``n_kept_back`` calls of the budget are left for later stages. Each call is a unit of
        progress, unless its question was asked before (``is_again``).
        """
        self.budget.check(len(calls), n_kept_back)
        answers: dict[str, Answer] = {}
        for start in range(0, len(calls), self.backend.batch_size):
            batch = calls[start : start + self.backend.batch_size]
            known = self._journal.find(batch)
            missing = [call for call in batch if call.key not in known]
            self._progress.advance(0 if is_again else len(batch) - len(missing))
            if missing:
                self._pace.begin()
            for answered in self.backend.answer(missing):
                self._journal.keep(answered)
                self.budget.n_asked += len(answered)
                known |= {call.key: answer for call, answer in answered}
                self._pace.add(sum(answer.n_tokens for _, answer in answered))
                self._show_pace()
                self._progress.advance(0 if is_again else len(answered))
            self._journal.use(batch, self.budget.n_calls)
            self.budget.n_calls += len(batch)
            self.budget.n_tokens += sum(
                known[c.key].n_tokens + known[c.key].n_prompt_tokens for c in batch
            )
            answers |= known
        return [answers[call.key] for call in calls]

    def read(
        self,
        calls: Sequence[Call],
        reader: Callable[[Call, Answer], tuple[Read | None, ParseOutcome]],
        n_kept_back: int = 0,
    ) -> list[tuple[Call, Answer, Read | None]]:
        """What ``reader`` makes of each answer, None where nothing; unreadable ones once more.

        Call and answer are of the attempt that was read, or of the last, as it was asked: with a
        mark, where the backend would repeat an earlier answer. A second attempt that the budget
        does not allow is not made.
        """
        results: dict[int, tuple[Call, Answer, Read | None]] = {}
        waiting = list(range(len(calls)))
        for attempt in range(_N_ATTEMPTS):
            asked = [self._as_asked(_attempt(calls[at], attempt)) for at in waiting]
            answers = self.ask(asked, n_kept_back, is_again=attempt > 0)
            rungs: dict[str, str] = {}
            still: list[int] = []
            for at, call, answer in zip(waiting, asked, answers, strict=True):
                found, rung = reader(call, answer)
                results[at] = (call, answer, found)
                if found is None:
                    still.append(at)
                rungs[call.key] = rung
            can_retry = attempt + 1 < _N_ATTEMPTS and self.budget.allows(len(still), n_kept_back)
            if can_retry:
                rungs |= {asked[waiting.index(at)].key: ParseOutcome.RETRY for at in still}
            self._journal.set_rungs(rungs)
            if not (still and can_retry):
                break
            waiting = still
        return [results[at] for at in range(len(calls))]

    def score(self, calls: Sequence[Call], n_kept_back: int = 0) -> list[Answer]:
        """Answers to calls that only score a continuation."""
        answers = self.ask(calls, n_kept_back)
        self._journal.set_rungs({call.key: ParseOutcome.SCORED for call in calls})
        return answers

    def _as_asked(self, call: Call) -> Call:
        traits = self.backend.traits
        return call.marked() if traits.repeats_answers and traits.is_told_apart_by_mark else call

    def _show_pace(self) -> None:
        speed = self._pace.tokens_a_second
        if speed is not None:
            self._progress.pace(f"{self.budget.n_asked:,} calls asked · {speed:,.0f} tokens/s")

    def show_topics(self, topics: Sequence[Sequence[Any]]) -> None:
        """Let pages see these topics while the run is under way."""
        self._journal.show_topics(topics)


def _attempt(call: Call, attempt: int) -> Call:
    if attempt == 0:
        return call
    temperature = call.sampling.temperature or _GREEDY_AGAIN
    return replace(
        call,
        attempt=attempt,
        seed=call.seed + attempt * _ATTEMPT_STRIDE,
        sampling=replace(call.sampling, temperature=temperature),
    )
