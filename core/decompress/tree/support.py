"""Whether a topic is the model's own: by its log-probability, and compared with made-up topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.decompress import prompts
from assay.core.decompress.budget import BudgetReached
from assay.core.decompress.client import ModelClient
from assay.core.decompress.tree.expansion import count_votes, list_calls, n_answers, names_reader
from assay.core.decompress.tree.made_up_names import nonsense_words
from assay.core.decompress.tree.tree import Topic, TopicTree
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import DecompressionSpec, Prompting
from assay.core.specs.model_calls import Answer, Call, Refusal, Sampling, seed_of
from assay.core.stats.intervals import proportion

N_NONSENSE_TOPICS = 3
N_NONSENSE_NAMES = 24
_ONE_TOKEN = Sampling(1, temperature=0.0)


@dataclass(frozen=True)
class NullSupport:
    """The support of one made-up topic, or of one name under it.

    ``kind``: 'votes', the share of lists under a made-up topic that contain ``name``; or
    'contrast', for a made-up name under the real topic ``parent_id``, in nats per token.
    """

    kind: str
    name: str
    parent_id: int | None
    value: float


def measure_support(
    tree: TopicTree,
    spec: DecompressionSpec,
    prompting: Prompting,
    runner: ModelClient,
    n_kept_back: int,
    progress: Progress,
) -> list[NullSupport]:
    """Set every topic's interval and contrast, and return the values of made-up topics and names.

    Empty, and contrasts None, if the budget does not allow it.
    """
    topics = tree.topics[1:]
    for topic in topics:
        share = proportion(topic.n_votes, topic.n_samples)
        topic.support_low, topic.support_high = share.low, share.high
    n_scored = 2 * len(topics) if runner.backend.traits.scoring else 0
    with progress.stage("support", N_NONSENSE_TOPICS * spec.n_samples + n_scored):
        try:
            null = _votes_of_nonsense(spec, prompting, runner, n_kept_back)
            if runner.backend.traits.scoring is None or not topics:
                return null
            return null + _contrasts(tree, topics, spec, runner, n_kept_back)
        except BudgetReached:
            progress.note("the budget was used up before the null of support was measured")
            return []


def _votes_of_nonsense(
    spec: DecompressionSpec,
    prompting: Prompting,
    runner: ModelClient,
    n_kept_back: int,
) -> list[NullSupport]:
    null: list[NullSupport] = []
    for word in nonsense_words(N_NONSENSE_TOPICS, spec.seed):
        calls = list_calls((word,), spec, prompting, "calibration")
        lists = runner.read(calls, names_reader(prompting, runner), n_kept_back)
        n_answered = n_answers(lists)
        if n_answered == 0:
            continue
        votes = count_votes([names for _, _, names in lists if names], word)
        # Only names that would count as topics, as under a real topic; without any, the support is
        # 0.
        enough = [(name, n) for name, n in votes if n >= spec.min_votes] or [("", 0)]
        null += [NullSupport("votes", name, None, n / n_answered) for name, n in enough]
    return null


def _contrasts(
    tree: TopicTree,
    topics: Sequence[Topic],
    spec: DecompressionSpec,
    runner: ModelClient,
    n_kept_back: int,
) -> list[NullSupport]:
    names = nonsense_words(N_NONSENSE_TOPICS + N_NONSENSE_NAMES, spec.seed)[N_NONSENSE_TOPICS:]
    # Spread over the tree; each made-up name replaces a real one.
    step = max(1, len(topics) // len(names))
    stand_ins = list(zip(names, topics[::step], strict=False))
    asked = [(topic.name, topic) for topic in topics] + stand_ins
    calls = [call for name, topic in asked for call in _pair(name, topic, tree)]
    answers = runner.score(calls, n_kept_back)
    contrasts = [
        None
        if (likely := _a_token(own)) is None or (usual := _a_token(generic)) is None
        else likely - usual
        for own, generic in zip(answers[::2], answers[1::2], strict=True)
    ]
    for topic, contrast in zip(topics, contrasts, strict=False):
        topic.contrast = contrast
    return [
        NullSupport("contrast", name, topic.parent_id, contrast)
        for (name, topic), contrast in zip(stand_ins, contrasts[len(topics) :], strict=True)
        if contrast is not None
    ]


def _a_token(scored: Answer | Refusal) -> float | None:
    """Log-probability per token, in nats; None if it was not reported."""
    if isinstance(scored, Refusal) or scored.logprob is None:
        return None
    return scored.logprob / max(1, scored.n_tokens)


def _pair(name: str, topic: Topic, tree: TopicTree) -> tuple[Call, Call]:
    """The name scored under the topic's parent, and under a generic topic."""
    assert topic.parent_id is not None
    parent = tree.path(tree.topics[topic.parent_id])
    own, generic = (
        Call(
            "support",
            prompts.subtopics_as_lines(path),
            _ONE_TOKEN,
            seed_of("score"),
            continuation=f" {name}",
        )
        for path in (parent, prompts.GENERIC_PATH)
    )
    return own, generic
