"""Grades by a judge model, and whether it distinguishes a response from one to another task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.core.decompress import prompts
from assay.core.decompress.budget import N_CONTROLS
from assay.core.decompress.client import ModelClient
from assay.core.decompress.examples.generation import Example
from assay.core.decompress.examples.heuristic_grades import Grade
from assay.core.decompress.parsing import read_grades
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import BEST_GRADE, Axis, ParseOutcome, Prompting
from assay.core.specs.model_calls import Answer, Call, Sampling, seed_of
from assay.core.specs.results.decompression import JudgeControl
from assay.core.stats.intervals import proportion

JUDGING, CONTROL = "judging", "judging control"
_LINE_TOKENS, _JSON_TOKENS = 48, 120
# Graded together; part of the method, because the budget may end between waves.
_AT_ONCE = 64


@dataclass(frozen=True)
class ControlGrade:
    """A grade of one example's task with the response of another example, ``response_of``."""

    example_id: int
    response_of: int
    axis: Axis
    score: float | None
    judge: str
    call_key: str


def judge_examples(
    examples: Sequence[Example],
    prompting: Prompting,
    runner: ModelClient,
    seed: int,
    progress: Progress,
) -> list[Grade]:
    """Every axis of every example, in order, within the budget less the calls that test the judge.

    If an answer could not be parsed, its call has the rung FAILED and the grades are None; without
    an answer there is no call.
    """
    grades: list[Grade] = []
    judge = runner.backend.identity.label
    n_kept_back = runner.budget.n_controls()
    with progress.stage("grades", len(examples)):
        for start in range(0, len(examples), _AT_ONCE):
            wave = examples[start : start + _AT_ONCE][: runner.budget.n_left(n_kept_back)]
            if not wave:
                break
            pairs = [(example.task, example.response) for example in wave]
            asked = _ask(pairs, JUDGING, prompting, runner, seed, n_kept_back)
            for example, (key, found) in zip(wave, asked, strict=True):
                grades += [
                    Grade(example.example_id, axis, found.get(axis), judge, key) for axis in Axis
                ]
    n_graded = len(grades) // len(Axis)
    if n_graded < len(examples):
        progress.note(f"the budget was used up after {n_graded:,} of {len(examples):,} examples")
    return grades


def judge_mismatched(
    examples: Sequence[Example],
    prompting: Prompting,
    runner: ModelClient,
    seed: int,
    progress: Progress,
) -> list[ControlGrade]:
    """Grades of tasks with the response to a task of another topic, within the budget.

    If a judge grades these no lower, its grades do not depend on whether a response fits its task.
    """
    pairs = _mismatched(examples)[: runner.budget.n_left()]
    judge = runner.backend.identity.label
    with progress.stage(CONTROL, len(pairs)):
        asked = _ask([(a.task, b.response) for a, b in pairs], CONTROL, prompting, runner, seed)
    return [
        ControlGrade(a.example_id, b.example_id, axis, found.get(axis), judge, key)
        for (a, b), (key, found) in zip(pairs, asked, strict=True)
        if key is not None
        for axis in Axis
    ]


def control_of(grades: Sequence[Grade], controls: Sequence[ControlGrade]) -> JudgeControl | None:
    """How often a task's own response is graded more helpful than another's; None without any."""
    own = {grade.example_id: grade.score for grade in grades if grade.axis is Axis.HELPFULNESS}
    pairs = [
        (own.get(control.example_id), control.score)
        for control in controls
        if control.axis is Axis.HELPFULNESS
    ]
    read = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not read:
        return None
    n_higher, n_lower = sum(a > b for a, b in read), sum(a < b for a, b in read)
    share = proportion(n_higher, n_higher + n_lower) if n_higher + n_lower else None
    low, high = (share.low, share.high) if share else (0.0, 1.0)
    return JudgeControl(len(read), n_higher, n_lower, low, high)


def _mismatched(examples: Sequence[Example]) -> list[tuple[Example, Example]]:
    """Readable examples, each paired with one whose topic is half the list of topics away."""
    by_topic: dict[int, list[Example]] = {}
    for example in examples:
        if example.is_readable:
            by_topic.setdefault(example.topic_id, []).append(example)
    topics = list(by_topic)
    if len(topics) < 2:
        return []
    others = topics[len(topics) // 2 :] + topics[: len(topics) // 2]
    pairs = [
        (example, by_topic[other][0])
        for topic, other in zip(topics, others, strict=True)
        for example in by_topic[topic]
    ]
    return pairs[:: max(1, len(pairs) // N_CONTROLS)][:N_CONTROLS]


def _ask(
    pairs: Sequence[tuple[str, str]],
    stage: str,
    prompting: Prompting,
    runner: ModelClient,
    seed: int,
    n_kept_back: int = 0,
) -> list[tuple[str | None, Mapping[str, int]]]:
    """One pair per question: the key of the call that was parsed, and grades by axis.

    The key is None without an answer; the grades are empty if it could not be parsed.
    """
    calls = [_call(task, response, stage, prompting, seed) for task, response in pairs]
    once = {call.key: call for call in calls}
    found = runner.read(list(once.values()), _reader(prompting, runner), n_kept_back)
    read = {
        key: (call.key if isinstance(answer, Answer) else None, grades or {})
        for key, (call, answer, grades) in zip(once, found, strict=True)
    }
    return [read[call.key] for call in calls]


def _call(task: str, response: str, stage: str, prompting: Prompting, seed: int) -> Call:
    is_json = prompting is Prompting.JSON
    prompt = (prompts.grades_as_json if is_json else prompts.grades_as_lines)(task, response)
    # Greedy: a judge is asked for its likeliest grade, not for one of several.
    sampling = Sampling(
        _JSON_TOKENS if is_json else _LINE_TOKENS, 0.0, stop=() if is_json else ("\n",)
    )
    return Call(
        stage,
        prompt,
        sampling,
        seed_of(seed, prompts.VERSION, prompt),
        is_chat=is_json,
        schema=prompts.GRADES_SCHEMA if is_json else None,
    )


def _reader(
    prompting: Prompting, runner: ModelClient
) -> Callable[[Call, Answer], tuple[Mapping[str, int] | None, ParseOutcome]]:
    is_enforced = runner.backend.traits.honours_schema

    def read(call: Call, answer: Answer) -> tuple[Mapping[str, int] | None, ParseOutcome]:
        is_json = prompting is Prompting.JSON
        return read_grades(answer.text, list(Axis), BEST_GRADE, is_json, is_enforced)

    return read
