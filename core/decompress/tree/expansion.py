"""Grows the topic tree: asks, counts votes, merges names, chooses what to expand next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from assay.core.decompress import prompts
from assay.core.decompress.client import ModelClient
from assay.core.decompress.parsing import read_names
from assay.core.decompress.topic_names import normal_form
from assay.core.decompress.tree.frontier import Frontier
from assay.core.decompress.tree.tree import Topic, TopicTree
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import DecompressionSpec, ParseOutcome, Prompting, Stop
from assay.core.specs.model_calls import Answer, Call, Refusal, Sampling, seed_of

_LINE_TOKENS, _JSON_TOKENS = 48, 400
# Topics that are expanded together, because a server answers many calls at once. Part of the
# method, because the order of merging depends on it.
_AT_ONCE = 4
_SHOT_FORMS = frozenset(map(normal_form, prompts.SHOT_NAMES))


def grow(
    tree: TopicTree,
    spec: DecompressionSpec,
    prompting: Prompting,
    runner: ModelClient,
    n_kept_back: int,
    progress: Progress,
) -> None:
    """Expand ``tree`` from its root until depth, quotas, saturation or the budget stop it."""
    frontier = Frontier(tree, spec.branch_quota)
    frontier.push(tree.topics[0])
    with progress.stage("topics", n_expansions(spec) * spec.n_samples):
        while wave := _wave(frontier, runner.budget.n_left(n_kept_back), spec.n_samples):
            asked = [list_calls(tree.path(topic), spec, prompting, "topics") for topic in wave]
            lists = runner.read(
                [call for calls in asked for call in calls],
                names_reader(prompting, runner),
                n_kept_back,
            )
            for at, topic in enumerate(wave):
                own = lists[at * spec.n_samples : (at + 1) * spec.n_samples]
                n_answered = n_answers(own)
                if n_answered == 0:
                    topic.stop = Stop.REFUSED
                    continue
                votes = count_votes([names for _, _, names in own if names], topic.name)
                enough = [(name, n) for name, n in votes if n >= spec.min_votes]
                new = tree.add(topic, enough, n_answered, spec.expansion_at(topic.level))
                _go_on(new, topic, spec, frontier)
                runner.show_topics(
                    [
                        (t.topic_id, t.parent_id, t.name, t.level, t.n_votes, t.n_samples)
                        for t in new
                    ]
                )
        frontier.stop_all()


def n_answers(lists: Sequence[tuple[Call, Answer | Refusal, object]]) -> int:
    """How many questions were answered: the denominator of support."""
    return sum(isinstance(answer, Answer) for _, answer, _ in lists)


def n_expansions(spec: DecompressionSpec) -> int:
    """The maximum number of topics that are expanded."""
    at_level, total = 1, 0
    for level in range(spec.depth):
        total += at_level
        at_level *= spec.expansion_at(level)
    return total


def list_calls(
    path: Sequence[str], spec: DecompressionSpec, prompting: Prompting, stage: str
) -> list[Call]:
    """The calls for all samples of the list of subtopics of ``path``."""
    is_json = prompting is Prompting.JSON
    prompt = list_prompt(path, spec, prompting)
    sampling = (
        Sampling(_JSON_TOKENS, spec.temperature)
        if is_json
        else Sampling(_LINE_TOKENS, spec.temperature, stop=("\n",))
    )
    call = Call(
        stage,
        prompt,
        sampling,
        seed_of(spec.seed, prompts.VERSION, prompt),
        is_chat=is_json,
        schema=prompts.SUBTOPICS_SCHEMA if is_json else None,
    )
    return call.samples(spec.n_samples)


def list_prompt(path: Sequence[str], spec: DecompressionSpec, prompting: Prompting) -> str:
    """The prompt that asks for the subtopics of ``path``."""
    if prompting is Prompting.LINES:
        return prompts.subtopics_as_lines(path)
    return prompts.subtopics_as_json(path, spec.expansion_at(len(path)))


def names_reader(
    prompting: Prompting, runner: ModelClient
) -> Callable[[Call, Answer], tuple[list[str] | None, ParseOutcome]]:
    """A reader of one list of subtopics."""
    is_enforced = runner.backend.traits.honours_schema

    def read(call: Call, answer: Answer) -> tuple[list[str] | None, ParseOutcome]:
        is_cut = answer.finish == "length"
        names, rung = read_names(answer.text, prompting is Prompting.JSON, is_enforced, is_cut)
        return names or None, rung

    return read


def count_votes(lists: Sequence[Sequence[str]], of: str) -> list[tuple[str, int]]:
    """How many lists contain each name, the most frequent first, in its most frequent spelling.

    Neither the topic itself nor names in the prompt's examples count as subtopics.
    """
    votes: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for names in lists:
        forms: dict[str, str] = {}
        for name in names:
            forms.setdefault(normal_form(name), name)
        for form, name in forms.items():
            votes[form] += 1
            spellings.setdefault(form, Counter())[name] += 1
    excluded = _SHOT_FORMS | {normal_form(of)}
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    return [
        (min(spellings[form].items(), key=lambda item: (-item[1], item[0]))[0], n)
        for form, n in ranked
        if form not in excluded
    ]


def _wave(frontier: Frontier, n_left: int | None, n_samples: int) -> list[Topic]:
    """The topics to expand next, as many as the budget allows."""
    n_most = _AT_ONCE if n_left is None else min(_AT_ONCE, n_left // n_samples)
    wave: list[Topic] = []
    while len(wave) < n_most and (topic := frontier.pop()):
        wave.append(topic)
    return wave


def _go_on(
    new: Sequence[Topic], parent: Topic, spec: DecompressionSpec, frontier: Frontier
) -> None:
    n_seen = parent.n_seen or 0
    is_saturated = len(new) < spec.min_new_share * n_seen
    for topic in new:
        if topic.level >= spec.depth:
            topic.stop = Stop.DEPTH
        elif is_saturated:
            topic.stop = Stop.SATURATED
        else:
            frontier.push(topic)
