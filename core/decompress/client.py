"""Asks a model: from the journal if the answer is there, otherwise from the backend, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from assay.cache.decompressions.journal import Journal
from assay.core.decompress.backends.base import Backend
from assay.core.decompress.budget import Budget
from assay.core.decompress.throughput import Throughput
from assay.core.decompress.unanswered import Unanswered
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import ParseOutcome
from assay.core.specs.model_calls import Answer, Call, Refusal

Read = TypeVar("Read")
# Seeds of a second attempt are far from those of the first attempt's samples.
_ATTEMPT_STRIDE = 7919
_N_ATTEMPTS = 2
# Greedy decoding would give the same answer again.
_GREEDY_AGAIN = 0.7


class ModelClient:
    """Sends one run's calls to one model and counts them against the run's budget.

    Everything that a run does follows from the answers, and the answers are in the journal. So a
    repeated run repeats its steps without asking, up to where it was. A refusal is not an answer:
    it is not journalled, and ``unanswered`` counts it.
    """

    def __init__(
        self,
        backend: Backend,
        journal: Journal,
        progress: Progress,
        budget: Budget,
    ) -> None:
        self.backend, self.budget = backend, budget
        self.unanswered = Unanswered(backend.identity.label, progress)
        self._journal, self._progress, self._pace = journal, progress, Throughput()
        self._n_used = 0

    def ask(
        self, calls: Sequence[Call], n_kept_back: int = 0, is_again: bool = False
    ) -> list[Answer | Refusal]:
        """One answer per call, in order, or the reason for none.

        BudgetReached, before asking any, if there are too many. ``n_kept_back`` calls of the budget
        are reserved for later stages. Each call is a unit of progress, unless its question was
        asked before (``is_again``).
        """
        self.budget.check(len(calls), n_kept_back)
        came: dict[str, Answer | Refusal] = {}
        for start in range(0, len(calls), self.backend.batch_size):
            batch = calls[start : start + self.backend.batch_size]
            known: dict[str, Answer] = self._journal.find(batch)
            missing = [call for call in batch if call.key not in known]
            self._progress.advance(0 if is_again else len(batch) - len(missing))
            if missing:
                self._pace.begin()
            for pairs in self.backend.answer(missing):
                answered = [(call, one) for call, one in pairs if isinstance(one, Answer)]
                self._journal.keep(answered)
                self.budget.n_asked += len(pairs)
                known |= {call.key: answer for call, answer in answered}
                came |= {call.key: one for call, one in pairs if isinstance(one, Refusal)}
                self._pace.add(sum(answer.n_tokens for _, answer in answered))
                self._show_pace()
                self._progress.advance(0 if is_again else len(pairs))
            used = [call for call in batch if call.key in known]
            self._journal.use(used, self._n_used)
            self._n_used += len(used)
            self.budget.n_calls += len(batch)
            self.budget.n_tokens += sum(
                known[call.key].n_tokens + known[call.key].n_prompt_tokens for call in used
            )
            came |= known
        return [came[call.key] for call in calls]

    def read(
        self,
        calls: Sequence[Call],
        reader: Callable[[Call, Answer], tuple[Read | None, ParseOutcome]],
        n_kept_back: int = 0,
    ) -> list[tuple[Call, Answer | Refusal, Read | None]]:
        """What ``reader`` makes of each answer, or None.

        Questions without a readable answer are asked once more with another seed, if the budget
        allows it. AssayError if too many get no answer. Call and answer are those of the attempt
        that could be read, or of the last one, as it was asked: with a mark, if the backend would
        repeat an earlier answer.
        """
        results: dict[int, tuple[Call, Answer | Refusal, Read | None]] = {}
        waiting = list(range(len(calls)))
        for attempt in range(_N_ATTEMPTS):
            asked = [self._as_asked(_attempt(calls[at], attempt)) for at in waiting]
            answers = self.ask(asked, n_kept_back, is_again=attempt > 0)
            if attempt == 0:
                self.unanswered.check_any(answers)
            rungs: dict[str, str] = {}
            still: list[int] = []
            for at, call, answer in zip(waiting, asked, answers, strict=True):
                if isinstance(answer, Refusal):
                    # An earlier attempt that could not be read is still an answer.
                    results.setdefault(at, (call, answer, None))
                    still.append(at)
                    continue
                found, rung = reader(call, answer)
                results[at] = (call, answer, found)
                if found is None:
                    still.append(at)
                rungs[call.key] = rung
            can_retry = attempt + 1 < _N_ATTEMPTS and self.budget.allows(len(still), n_kept_back)
            if can_retry:
                again = {asked[waiting.index(at)].key for at in still}
                rungs |= dict.fromkeys(again & rungs.keys(), ParseOutcome.RETRY)
            self._journal.set_rungs(rungs)
            if not (still and can_retry):
                break
            waiting = still
        self.unanswered.count([(call.prompt, answer) for call, answer, _ in results.values()])
        return [results[at] for at in range(len(calls))]

    def score(self, calls: Sequence[Call], n_kept_back: int = 0) -> list[Answer | Refusal]:
        """Answers to calls that only score a continuation; BudgetReached when the budget ends."""
        self.budget.check(len(calls), n_kept_back)
        answers: list[Answer | Refusal] = []
        for start in range(0, len(calls), self.backend.batch_size):
            batch = calls[start : start + self.backend.batch_size]
            answers += self.ask(batch, n_kept_back)
            self._journal.set_rungs({call.key: ParseOutcome.SCORED for call in batch})
        self.unanswered.count([(c.prompt, a) for c, a in zip(calls, answers, strict=True)])
        return answers

    def _as_asked(self, call: Call) -> Call:
        traits = self.backend.traits
        return call.marked() if traits.repeats_answers and traits.is_told_apart_by_mark else call

    def _show_pace(self) -> None:
        speed = self._pace.tokens_a_second
        if speed is not None:
            self._progress.pace(f"{self.budget.n_asked:,} calls asked · {speed:,.0f} tokens/s")

    def show_topics(self, topics: Sequence[Sequence[Any]]) -> None:
        """Let pages see these topics during the run."""
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
