"""How two decompressions differ, in sentences made from the diff's numbers.

A is the first of the two, B the second. Pages and the command line say the same.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import (
    counted,
    decimal,
    in_sentence,
    percent,
    percentage_points,
)
from assay.core.findings.table_cells import p_cell
from assay.core.specs.diff import Change
from assay.core.specs.interval import Interval
from assay.core.specs.results.diff import DiffResult, NoiseFloor

_TWICE = " (a topic that moved counts both where it was and where it is)"


def diff_finding(meta: DiffResult) -> Finding:
    """The headline of a diff and what supports it."""
    if not meta.noise:
        return Finding(
            "No difference can be reported without a noise run.",
            (
                "Two runs of the same model differ, too. A noise run shows by how much: a second "
                "run of either model, with another seed.",
            ),
        )
    floor = meta.topics.floor
    if floor is None:
        return Finding(
            "No difference can be reported: the noise could not be measured.",
            ("The two runs of the same model have no question in common that both answered.",),
        )
    counts = meta.counts
    n_changed = sum(counts.of(change) for change in Change)
    found = ", ".join(f"{n} {change}" for change in Change if (n := counts.of(change)))
    headline = (
        f"{n_changed:,} of {counts.n_topics:,} topics differ from A to B by more than noise: "
        f"{found}{_TWICE if counts.n_moved else ''}."
        if n_changed
        else "No topic differs from A to B by more than noise."
    )
    sentences = (
        _floor_sentence(floor, counts.n_topics),
        _check_sentence(meta.topics.n_noise_significant),
        *_share_sentences(meta),
        _examples_sentence(meta),
        _gaps_sentence(counts.n_gaps),
    )
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def changed_topics(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per topic: how it changed, its name under A and B, and its support in both, %."""
    names = [
        one if one == other or not other else (f"{one} / {other}" if one else other)
        for one, other in zip(rows["first_name"], rows["second_name"], strict=True)
    ]
    return pd.DataFrame(
        {
            "change": rows["change"],
            "topic": names,
            "under": rows["question"].replace("", "(all topics)"),
            "support in A": 100 * rows["first_support"],
            "support in B": 100 * rows["second_support"],
            "q": [p_cell(one) for one in rows["q_value"]],
        }
    )


def _floor_sentence(floor: NoiseFloor, n_topics: int) -> str:
    how = "" if floor.is_distribution_free else ", assuming normally distributed differences"
    if floor.value >= 1:
        return (
            f"Two runs of the same model have only {counted(floor.n, 'topic')} in common. From so "
            "few, noise alone could take a topic's support from 0% to 100% (upper bound for 95% of "
            f"topics, with 95% confidence{how}), so no change of support is reported."
        )
    return (
        "Support is the share of lists that name a topic. Between two runs of the same model it "
        f"differs by up to {percentage_points(floor.value)} percentage points (upper bound for 95% "
        f"of topics, with 95% confidence, from {counted(floor.n, 'topic')}{how}). Only larger "
        "differences are reported, and only if they are significant after correction for "
        f"{counted(n_topics, 'topic')}."
    )


def _check_sentence(n_noise_significant: int) -> str | None:
    if not n_noise_significant:
        return None
    topics = "topic" if n_noise_significant == 1 else "topics"
    return (
        f"Caution: the same test finds a significant difference in {n_noise_significant:,} "
        f"{topics} between two runs of the same model, where it should find none. Only the noise "
        "floor keeps such differences out of the results."
    )


def _share_sentences(meta: DiffResult) -> list[str]:
    sentences = []
    for side, (own, other) in {"lost": ("A", "B"), "gained": ("B", "A")}.items():
        row = meta.topics.lost if side == "lost" else meta.topics.gained
        if row is None or row.share is None or row.noise is None or row.excess is None:
            continue
        excess = row.excess
        beyond = (
            f"more than noise, by {_points(excess)} percentage points"
            if excess.low > 0
            else f"not more than noise (difference {_points(excess, '+')} percentage points)"
        )
        sentences.append(
            f"{row.n_found:,} of the {row.n:,} topics that {own} names under shared questions are "
            f"missing from {other}'s tree: {_whole(row.share)}. Between two runs of the same model "
            f"{_whole(row.noise)} are missing, so this is {beyond}."
        )
    return sentences


def _examples_sentence(meta: DiffResult) -> str | None:
    examples = meta.examples
    if examples.auc is None:
        return None
    auc = examples.auc
    return (
        f"{meta.counts.n_examples_reported:,} of {examples.n:,} pairs of examples differ by more "
        "than noise. A pair from two runs of the same model is more similar than a pair from A and "
        f"B with probability {in_sentence(auc, partial(decimal, digits=2))}; 0.50 means no "
        "difference."
    )


def _gaps_sentence(n_gaps: int) -> str:
    if not n_gaps:
        return "Compared with A, B has no knowledge gap."
    return f"Compared with A, B has {n_gaps:,} knowledge gap{'s' if n_gaps > 1 else ''}."


def _whole(row: Interval) -> str:
    return in_sentence(row, partial(percent, digits=0))


def _points(row: Interval, sign: str = "") -> str:
    return f"{percentage_points(row.low, sign)} to {percentage_points(row.high, sign)}"
