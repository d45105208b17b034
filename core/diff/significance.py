"""Which differences are real, given how much two runs of one model differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.core.diff.branches import Branch
from assay.core.diff.compare import Compared
from assay.core.diff.examples import ExamplePair
from assay.core.specs.diff import Quantity
from assay.core.specs.results.diff import BranchFacts, ExampleFacts, ShareAlone, TopicFacts
from assay.core.stats.auc import auc_with_interval
from assay.core.stats.conformal import against_held_out
from assay.core.stats.mean_drop_test import MeanDrop, mean_drops
from assay.core.stats.noise_floor import noise_floor, share_beyond
from assay.core.stats.vote_test import SIGNIFICANCE, vote_changes

Row = dict[str, Any]


Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Judged(Generic[Facts]):
    """Rows of one kind, for the two models and for the noise, and facts about them."""

    models: list[Row]
    noise: list[list[Row]]
    facts: Facts


def judged_topics(models: Compared, noise: Sequence[Compared]) -> Judged[TopicFacts]:
    """Topics; reported if the support changes significantly and beyond the noise floor.

    In the run with more support, it must also be above what made-up topics reach.
    """
    own, others = _topic_rows(models), [_topic_rows(one) for one in noise]
    floor = noise_floor([row["difference"] for rows in others for row in rows])
    for row in own:
        run = models.first if row["difference"] < 0 else models.second
        support = max(row["first_votes"], row["second_votes"]) / row["n_lists"]
        row["is_reported"] = (
            floor is not None
            and abs(row["difference"]) > floor.value
            and row["q_value"] <= SIGNIFICANCE
            and (run.line is None or support > run.line)
        )
    facts = TopicFacts(
        floor=floor,
        # The same test between two runs of one model, which should find nothing.
        n_noise_significant=_n_significant(others),
        lost=_share(models, noise, lambda compared: compared.lost),
        gained=_share(models, noise, lambda compared: compared.gained),
    )
    return Judged(own, others, facts)


def judged_examples(models: Compared, noise: Sequence[Compared]) -> Judged[ExampleFacts]:
    """Pairs of examples; reported if less similar than pairs from two runs of one model.

    Each gets a conformal p-value, corrected for all pairs (Benjamini and Hochberg).
    """
    own, others = _example_rows(models), [_example_rows(one) for one in noise]
    of_noise = np.array([row["cosine"] for rows in others for row in rows])
    auc = None
    if own and len(of_noise):
        is_noise = np.arange(len(own) + len(of_noise)) >= len(own)
        test = against_held_out(-np.concatenate([models.cosines, of_noise]), is_noise)
        for row, p_value, q_value in zip(own, test.p_values, test.q_values, strict=False):
            row["p_value"], row["q_value"] = float(p_value), float(q_value)
            row["is_reported"] = row["q_value"] <= SIGNIFICANCE
        auc = auc_with_interval(of_noise, models.cosines).auc
    facts = ExampleFacts(
        n=len(own),
        n_same=sum(pair.is_same for pair in models.examples),
        median_cosine=_median(models.cosines),
        n_noise=len(of_noise),
        n_noise_same=sum(pair.is_same for one in noise for pair in one.examples),
        median_noise_cosine=_median(of_noise),
        auc=auc,
    )
    return Judged(own, others, facts)


def judged_branches(
    models: Compared, noise: Sequence[Compared], quantity: Quantity
) -> Judged[BranchFacts]:
    """Branches; one is reported if it falls significantly and by more than the noise floor.

    Its support must also fall from above what made-up topics reach to that level.
    """
    branches = [branch for branch in models.branches if branch.quantity is quantity]
    own, others = _branch_rows(models, quantity), [_branch_rows(one, quantity) for one in noise]
    floor = noise_floor([_drop(row) for rows in others for row in rows])
    for row, branch in zip(own, branches, strict=True):
        row["is_reported"] = (
            floor is not None
            and _drop(row) > floor.value
            and row["q_value"] <= SIGNIFICANCE
            and (quantity is Quantity.QUALITY or _is_emptied(branch))
        )
    return Judged(own, others, BranchFacts(floor, _n_significant(others)))


def _topic_rows(compared: Compared) -> list[Row]:
    n_lists = compared.first.spec.n_samples
    votes = np.array([(t.first_votes, t.second_votes) for t in compared.topics], np.int64)
    votes = votes.reshape(-1, 2)
    changes = vote_changes(votes[:, 0], votes[:, 1], n_lists)
    columns = zip(changes.differences, changes.p_values, changes.q_values, strict=True)
    return [
        {
            **asdict(topic),
            "n_lists": n_lists,
            "difference": float(difference),
            "p_value": float(p_value),
            "q_value": float(q_value),
            "is_reported": False,
        }
        for topic, (difference, p_value, q_value) in zip(compared.topics, columns, strict=True)
    ]


def _example_rows(compared: Compared) -> list[Row]:
    def row(pair: ExamplePair, cosine: float) -> Row:
        return {
            "topic": pair.topic,
            **{name: pair.first[name] for name in ("style", "difficulty")},
            **{f"first_{name}": pair.first[name] for name in ("task", "response")},
            **{f"second_{name}": pair.second[name] for name in ("task", "response")},
            "cosine": float(cosine),
            "p_value": None,
            "q_value": None,
            "is_reported": False,
        }

    return [row(*pair) for pair in zip(compared.examples, compared.cosines, strict=True)]


def _branch_rows(compared: Compared, quantity: Quantity) -> list[Row]:
    def row(branch: Branch, fall: MeanDrop) -> Row:
        return {
            "branch": branch.path,
            "quantity": quantity,
            "first_value": fall.other,
            "second_value": fall.value,
            "n_first": len(branch.first),
            "n_second": len(branch.second),
            "first_line": _mean(branch.nonsense[0]),
            "second_line": _mean(branch.nonsense[1]),
            "p_value": fall.p_value,
            "q_value": fall.q_value,
            "is_reported": False,
        }

    branches = [branch for branch in compared.branches if branch.quantity is quantity]
    found = mean_drops([(branch.second, branch.first) for branch in branches])
    return [row(*both) for both in zip(branches, found, strict=True)]


def _share(
    models: Compared,
    noise: Sequence[Compared],
    counted: Callable[[Compared], tuple[int, int]],
) -> ShareAlone | None:
    """A share of topics without a counterpart, compared with that between runs of one model."""
    n_found, n = counted(models)
    of_noise = [counted(one) for one in noise]
    n_noise_found, n_noise = sum(one for one, _ in of_noise), sum(of for _, of in of_noise)
    if not n:
        return None
    counts = ShareAlone(n_found, n, n_noise_found, n_noise)
    if not n_noise:
        return counts
    beyond = share_beyond(n_found, n, n_noise_found, n_noise)
    return replace(counts, share=beyond.share, noise=beyond.noise, excess=beyond.excess)


def _drop(row: Row) -> float:
    return float(row["first_value"] - row["second_value"])


def _is_emptied(branch: Branch) -> bool:
    """Whether a branch is above made-up topics in the first run, but not in the second."""
    if not all(len(values) for values in branch.nonsense):
        return False
    held, left = mean_drops(
        [(branch.nonsense[0], branch.first), (branch.nonsense[1], branch.second)]
    )
    return held.p_value <= SIGNIFICANCE < left.p_value


def _n_significant(noise: Sequence[Sequence[Row]]) -> int:
    return sum(row["q_value"] <= SIGNIFICANCE for rows in noise for row in rows)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None
