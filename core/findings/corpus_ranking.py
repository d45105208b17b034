"""Which public corpus the weights point to: tables, and sentences made from their rows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pandas as pd

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import (
    NOTHING,
    Row,
    Written,
    decimal,
    in_sentence,
    interval,
    p_value,
    percent,
    points,
)
from assay.core.findings.projection import estimated_cosines_sentence
from assay.core.findings.table_cells import PERCENT, TableCell, bracketed_cell, interval_cell
from assay.core.gradients.group_mixture import CosineInterval
from assay.core.specs.results.audit import Projection
from assay.core.stats.intervals import CHANCE_OUTSIDE, holm

# Of an interval of a share: it excludes next to nothing.
_TOO_WIDE = 0.95
HOW_COSINES_READ = (
    "Cosine: between a corpus' mean gradient and the weight difference, with a 95% interval from a "
    "grouped jackknife. It is given for as many documents as the smallest corpus has, because "
    "more documents have less noise and so a larger cosine. Chance: 95% of 199 random sets of as "
    "many documents as the corpus has, drawn from all corpora together and given in the same way. "
    "A corpus counts as aligned if its cosine is "
    "significantly above 0 (p ≤ 0.05, corrected for the number of corpora by Holm). One corpus "
    "ranks above another only if their intervals, widened for the number of corpora (Bonferroni), "
    "do not overlap."
)
HOW_STUDENTS_READ = (
    "the cosine of one half of a corpus with a model trained here on the other half, with the "
    "final model's labels. The true training set should come close to it."
)
HOW_SHARES_READ = (
    "Share: the weight of a corpus in the non-negative mixture of mean gradients that fits the "
    "weight difference best. To first order, as if training were one small step, this is its share "
    "of the training documents. The 95% interval comes from 199 bootstrap draws of the documents, "
    "with the weight difference varied by what the mixture leaves unexplained. In simulations of "
    "training to first order, it contains the true share in 92 to 98% of cases. By cosine: "
    "shares in proportion to the cosines alone."
)


def corpus_ranking_finding(
    sources: Iterable[Row],
    students: Iterable[Row],
    projection: Projection | None = None,
) -> Finding:
    """The corpus with the highest cosine, compared with what the true one would reach.

    sources: rows of kind 'source'; students: rows of models trained on half of a source;
    projection: the audit's, if its gradients are known by a projection only. The finding is "none
    of these" if no corpus is aligned after the correction, or if even the best corpus is below
    every student of its own.
    """
    ranked = sorted(sources, key=lambda row: -row["cosine"])
    nearest = ranked[0]
    own = [row["cosine"] for row in students if row["source"] == nearest["name"]]
    name = nearest["name"]
    intervals = [_interval(row) for row in ranked]
    corrected = holm([one.p_value for one in intervals])[0]
    together = 1 - CHANCE_OUTSIDE / len(ranked)
    low = intervals[0].at(together)[0]
    rivals = [
        row["name"]
        for row, own in zip(ranked[1:], intervals[1:], strict=True)
        if own.at(together)[1] >= low
    ]
    found = in_sentence({**nearest, "value": nearest["cosine"]})
    sentences = [
        f"The mean gradient of {name} has a cosine of {found} with the weight difference; "
        "random samples of all corpora together have "
        f"{interval(nearest['null_low'], nearest['null_high'])}."
    ]
    estimated = estimated_cosines_sentence(projection)
    if estimated:
        sentences.append(estimated)
    if len(ranked) > 1:
        sentences.append(
            f"Test whether that cosine differs from 0: {p_value(corrected)}, corrected for "
            f"{len(ranked)} corpora (Holm), threshold {CHANCE_OUTSIDE}."
        )
    if nearest["cosine"] <= 0 or corrected > CHANCE_OUTSIDE:
        headline = "None of these corpora was found to be aligned with the weight difference."
    elif own and nearest["high"] < min(own):
        headline = (
            f"None of these corpora explains the weight difference by itself; {name} comes closest."
        )
    elif rivals:
        headline = (
            f"{', '.join((name, *rivals[:-1]))} and {rivals[-1]} are about equally aligned with "
            "the weight difference."
        )
    else:
        headline = f"Of these corpora, {name} is the most aligned with the weight difference."
    if own:
        reached = interval(min(own), max(own)) if len(own) > 1 else decimal(own[0])
        sentences.append(
            f"For comparison: with {len(own)} model{'s' if len(own) > 1 else ''} trained here on "
            f"one half of {name}, the other half has a cosine of {reached} in the last layer."
        )
    else:
        sentences.append("The cosine that the true training set would have was not measured.")
    shares = ", ".join(
        f"{row['name']} {percent(row['share'])} "
        f"({interval(row['share_low'], row['share_high'], partial(percent, digits=0))})"
        for row in sorted(ranked, key=lambda row: -row["share"])
    )
    is_open = all(row["share_high"] - row["share_low"] > _TOO_WIDE for row in ranked)
    sentences.append(
        f"Estimated mixture of these corpora, to first order: {shares}."
        + (" These intervals are too wide to say anything about the mixture." if is_open else "")
    )
    return Finding(headline, tuple(sentences))


def is_one_nearest(sources: Iterable[Row], students: Iterable[Row]) -> bool:
    """Whether one corpus is aligned, ahead of all others, and not below every student of its own:
    what ``corpus_ranking_finding`` says of it then names the kind of data."""
    ranked = sorted(sources, key=lambda row: -row["cosine"])
    first, own = ranked[0], [_interval(row) for row in ranked]
    reached = [row["cosine"] for row in students if row["source"] == first["name"]]
    together = 1 - CHANCE_OUTSIDE / len(ranked)
    is_aligned = first["cosine"] > 0 and holm([one.p_value for one in own])[0] <= CHANCE_OUTSIDE
    is_ahead = all(one.at(together)[1] < own[0].at(together)[0] for one in own[1:])
    return is_aligned and is_ahead and not (reached and first["high"] < min(reached))


def is_nearer_than_random(sources: Iterable[Row]) -> bool:
    """Whether the corpus with the highest cosine is surely nearer than random samples of all
    corpora together, with its interval widened for their number."""
    ranked = sorted(sources, key=lambda row: -row["cosine"])
    together = 1 - CHANCE_OUTSIDE / len(ranked)
    return bool(_interval(ranked[0]).at(together)[0] > max(0.0, ranked[0]["null_high"]))


def _interval(row: Row) -> CosineInterval:
    return CosineInterval(row["cosine"], row["low"], row["high"], int(row["n_documents"]))


def group_table(
    rows: pd.DataFrame, kind: str, students: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Rows of the table ``groups`` for people; ``kind``: what their names stand for.

    ``students``: rows of models trained on half of a corpus.
    """
    table = pd.DataFrame(
        {
            kind: rows["name"],
            "documents": rows["n_documents"],
            "cosine": _ranges(rows, "cosine", "low", "high", decimal),
            "chance": [
                interval_cell(low, high)
                for low, high in zip(rows["null_low"], rows["null_high"], strict=True)
            ],
            **({} if students is None or students.empty else _reached(rows["name"], students)),
            "share, %": _ranges(rows, "share", "share_low", "share_high", points, PERCENT),
            "by cosine, %": (100 * rows["centroid_share"]).round(1),
        }
    )
    if rows["true_share"].notna().any():
        table["reference set, %"] = (100 * rows["true_share"]).round(1)
    return table


def _reached(names: pd.Series, students: pd.DataFrame) -> dict[str, list[TableCell]]:
    own = students.groupby("source")["cosine"].apply(list)
    return {"if trained on it": [_one_by_one(own.get(name, [])) for name in names]}


def _one_by_one(values: list[float]) -> TableCell:
    text = ", ".join(map(decimal, values)) or NOTHING
    return TableCell.of(text, **{str(number): value for number, value in enumerate(values, 1)})


def _ranges(
    rows: pd.DataFrame, value: str, low: str, high: str, written: Written, unit: str = ""
) -> list[TableCell]:
    return [
        bracketed_cell({"value": row[value], "low": row[low], "high": row[high]}, written, unit)
        for _, row in rows.iterrows()
    ]
