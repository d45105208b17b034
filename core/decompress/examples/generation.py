"""Examples for a topic: a task, the reasoning and the response, in several styles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from assay.core.decompress import prompts
from assay.core.decompress.budget import calls_to_judge
from assay.core.decompress.client import ModelClient
from assay.core.decompress.parsing import read_object, read_parts
from assay.core.decompress.tree.tree import Topic, TopicTree
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import (
    EXAMPLE_TEMPERATURE,
    DecompressionSpec,
    Difficulty,
    ParseOutcome,
    Prompting,
    Style,
)
from assay.core.specs.model_calls import Answer, Call, Refusal, Sampling, seed_of

_LINE_TOKENS, _JSON_TOKENS = 220, 1024
_FIELDS = ("task", "reasoning", "response")
# Examples asked for together; part of the method, because the budget may end between waves.
_AT_ONCE = 64
_TOP_P = 0.95


@dataclass(frozen=True)
class Example:
    """One task with its answer; if the answer could not be parsed, ``response`` is all of it."""

    example_id: int
    topic_id: int
    style: Style
    difficulty: Difficulty
    task: str
    reasoning: str
    response: str
    is_readable: bool
    is_cut: bool
    call_key: str


@dataclass(frozen=True)
class _Order:
    topic: Topic
    style: Style
    difficulty: Difficulty
    task: str
    number: int


def write_examples(
    tree: TopicTree,
    spec: DecompressionSpec,
    prompting: Prompting,
    runner: ModelClient,
    progress: Progress,
) -> list[Example]:
    """``n_examples`` for every topic, first one for each, as many as the budget allows.

    With a judge, the calls that grading needs are reserved. A question without an answer gives no
    example.
    """

    def n_kept(n_examples: int) -> int:
        return calls_to_judge(n_examples) if spec.judge else 0

    orders = _orders(tree, spec)
    examples: list[Example] = []
    with progress.stage("examples", len(orders)):
        for start in range(0, len(orders), _AT_ONCE):
            wave = orders[start : start + _AT_ONCE]
            while wave and not runner.budget.allows(len(wave), n_kept(len(examples) + len(wave))):
                wave.pop()
            if not wave:
                break
            calls = [_call(order, tree, spec, prompting) for order in wave]
            n_kept_back = n_kept(len(examples) + len(wave))
            found = runner.read(calls, _reader(prompting, runner), n_kept_back)
            for order, (call, answer, parts) in zip(wave, found, strict=True):
                if isinstance(answer, Refusal):
                    continue
                examples.append(_example(len(examples), order, call, answer, parts))
    return examples


def _orders(tree: TopicTree, spec: DecompressionSpec) -> list[_Order]:
    """Every style and difficulty equally often, in a random order drawn with the seed."""
    kinds = list(product(spec.styles, spec.difficulties))
    drawn = np.random.default_rng(seed_of(spec.seed, "kinds")).permutation(len(kinds))
    orders: list[_Order] = []
    for number in range(spec.n_examples):
        for topic in tree.topics[1:]:
            style, difficulty = kinds[drawn[len(orders) % len(kinds)]]
            of_task = prompts.task(style, difficulty, topic.name, _other(topic, tree), len(orders))
            orders.append(_Order(topic, style, difficulty, of_task, number))
    return orders


def _other(topic: Topic, tree: TopicTree) -> str:
    """A sibling topic to compare this one with, otherwise its parent."""
    beside = [t for t in tree.topics[1:] if t.parent_id == topic.parent_id and t is not topic]
    if beside:
        return min(beside, key=lambda t: (t.topic_id < topic.topic_id, t.topic_id)).name
    assert topic.parent_id is not None
    return tree.topics[topic.parent_id].name


def _call(order: _Order, tree: TopicTree, spec: DecompressionSpec, prompting: Prompting) -> Call:
    path = tree.path(order.topic)
    is_json = prompting is Prompting.JSON
    if is_json:
        prompt = prompts.example_as_json(path, order.style, order.difficulty, order.number)
        sampling = Sampling(_JSON_TOKENS, EXAMPLE_TEMPERATURE, _TOP_P)
    else:
        prompt = prompts.example_as_lines(path, order.task)
        sampling = Sampling(_LINE_TOKENS, EXAMPLE_TEMPERATURE, _TOP_P, prompts.EXAMPLE_STOPS)
    return Call(
        "examples",
        prompt,
        sampling,
        seed_of(spec.seed, prompts.VERSION, prompt, order.number),
        sample_index=order.number,
        is_chat=is_json,
        schema=prompts.EXAMPLE_SCHEMA if is_json else None,
    )


def _reader(
    prompting: Prompting, runner: ModelClient
) -> Callable[[Call, Answer], tuple[Sequence[str] | None, ParseOutcome]]:
    is_enforced = runner.backend.traits.honours_schema

    def read(call: Call, answer: Answer) -> tuple[Sequence[str] | None, ParseOutcome]:
        if prompting is Prompting.JSON:
            found, rung = read_object(answer.text, _FIELDS, is_enforced)
            return ([str(found[name]).strip() for name in _FIELDS], rung) if found else (None, rung)
        parts = read_parts(answer.text, prompts.EXAMPLE_PARTS)
        if parts is None:
            return None, ParseOutcome.FAILED
        return ["", *(parts[label] for label in prompts.EXAMPLE_PARTS)], ParseOutcome.LINES

    return read


def _example(
    example_id: int, order: _Order, call: Call, answer: Answer, parts: Sequence[str] | None
) -> Example:
    own_task, reasoning, response = parts or ("", "", answer.text.strip())
    return Example(
        example_id=example_id,
        topic_id=order.topic.topic_id,
        style=order.style,
        difficulty=order.difficulty,
        task=own_task or order.task,
        reasoning=reasoning,
        response=response,
        is_readable=parts is not None,
        is_cut=answer.finish == "length",
        call_key=call.key,
    )
