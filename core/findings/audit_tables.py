"""The tables of an audit for people: pages and the report both show them.

They are made from the rows of the metrics table alone, so no two places can say different things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import pandas as pd

from assay.core.findings.equal_scores import drawn_among, shown_with_draw
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import bare
from assay.core.findings.selections import student_metric
from assay.core.findings.table_cells import TableCell, bracketed_cell, number_cell, p_cell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, main_strategy

# What a test set shows about a student; without one, agreement is used.
TRUTH = {Metric.ACCURACY, Metric.PERPLEXITY}
CHARTED = (
    Metric.ACCURACY,
    Metric.PERPLEXITY,
    Metric.AGREEMENT,
    Metric.TRANSPORT,
    Metric.RECALL,
    Metric.COSINE,
)
TABLE = (
    Metric.ACCURACY,
    Metric.PERPLEXITY,
    Metric.RECALL,
    Metric.PRECISION,
    Metric.LIFT,
    Metric.TRANSPORT,
    Metric.EMBEDDING_RECALL,
    Metric.OVERLAP,
    Metric.CONTAINMENT,
    Metric.IMBALANCE,
    Metric.COSINE,
    Metric.AGREEMENT,
    Metric.WEIGHT_COSINE,
)
# What fits beside each other in a terminal; of the first three at most one is measured.
FEW = (
    Metric.ACCURACY,
    Metric.PERPLEXITY,
    Metric.AGREEMENT,
    Metric.RECALL,
    Metric.TRANSPORT,
    Metric.COSINE,
)
BOUNDS = {
    "null_low": "chance, from",
    "null_high": "chance, to",
    "ceiling": "at best",
}
MEMBERSHIP = (Metric.DOMAIN_PRECISION, Metric.MEMBERSHIP_PRECISION)

MEMBERSHIP_NOTE = (
    "In domain: share of selected documents from the reference set's domain, trained on or held "
    "out. Trained on: of these, the share that was trained on. Finding the domain is not evidence "
    "of membership; only a share trained on above chance is."
)


def strategy_table(
    rows: MetricTable, strategies: Iterable[Strategy], metrics: Iterable[Metric] = TABLE
) -> pd.DataFrame:
    """One row per strategy, one column per metric; then the values to compare with."""
    ordered = _best_first(rows, strategies)
    columns = {m: m.info.column for m in metrics if any(rows.get(s, m) for s in ordered)}
    table = []
    for strategy in ordered:
        cells: dict[str, str | TableCell] = {"strategy": shown_with_draw(rows, strategy)}
        for metric, name in columns.items():
            if row := rows.get(strategy, metric):
                cells[name] = _with_interval(metric, row)
                if metric is Metric.RECALL:
                    cells["p"] = p_cell(row["p_value"])
        table.append(cells)
    for column, title in BOUNDS.items():
        cells = {"strategy": title}
        for metric, name in columns.items():
            row = rows.get(main_strategy(ordered), metric)
            if row and pd.notna(row[column]):
                cells[name] = number_cell(metric, row[column])
        if len(cells) > 1:
            table.append(cells)
    for subject, title in (("final", "final model"), ("base", "base model")):
        cells = {"strategy": title}
        for metric, name in columns.items():
            if row := rows.get(subject, metric):
                cells[name] = _with_interval(metric, row)
        if len(cells) > 1:
            table.append(cells)
    return pd.DataFrame(table).fillna("")


def notes(rows: MetricTable, strategies: Iterable[Strategy]) -> str:
    """How to read the table of strategies, as far as it applies."""
    ran = list(strategies)
    has_students = any(rows.get(s, m) for s in ran for m in (*TRUTH, Metric.AGREEMENT))
    lines = [
        "Best student first." if has_students else "No students were trained.",
        "Square brackets: 95% intervals (Wilson for accuracy and agreement, Clopper–Pearson for "
        "recall and precision). p: hypergeometric p-value of the recall. “random” is one random "
        "selection; “chance” is the range of many, or, for accuracy, the largest class; “at best” "
        "is what reference documents would reach.",
    ]
    if drawn_among(rows, ran):
        lines.append(
            "A random draw: all documents have the same score, so the strategy had nothing to rank "
            "by."
        )
    if any(rows.get(strategy, Metric.EMBEDDING_RECALL) for strategy in ran):
        lines.append(
            "Covered: reference documents with a selected document nearer than their fifth nearest "
            "other reference document. Duplicates: selected documents that are exact or near "
            "duplicates of reference documents. Containment: share of the smaller vocabulary that "
            "the larger one contains."
        )
    if any(rows.get(strategy, Metric.AGREEMENT) for strategy in ran):
        lines.append(
            "Agreement: share of targets where the student predicts the same as the final model."
        )
    if not rows.get(main_strategy(ran), Metric.RECALL):
        lines.append(
            "Recall and precision need documents of the reference set in the seed corpus; here "
            "there are none."
        )
    return " ".join(lines)


def membership_table(rows: MetricTable, strategies: Iterable[Strategy]) -> pd.DataFrame:
    """Domain and membership, each with chance; empty if no held-out half is known."""
    table = []
    for strategy in strategies:
        cells: dict[str, str | TableCell] = {"strategy": shown_with_draw(rows, strategy)}
        for metric in MEMBERSHIP:
            if row := rows.get(strategy, metric):
                name = metric.info.column
                cells[name] = _with_interval(metric, row)
                cells[f"{name}: by chance"] = number_cell(metric, row["null_value"])
                cells[f"{name}: p"] = p_cell(row["p_value"])
        if len(cells) > 1:
            table.append(cells)
    return pd.DataFrame(table).fillna("")


def charted(rows: MetricTable, strategies: Iterable[Strategy], n_charts: int) -> list[Metric]:
    """The first few metrics that are drawn; agreement only without a test set."""
    ran, drawn = list(strategies), list[Metric]()
    for metric in CHARTED:
        if metric is Metric.AGREEMENT and TRUTH & set(drawn):
            continue
        if any(rows.get(strategy, metric) for strategy in ran):
            drawn.append(metric)
    return drawn[:n_charts]


def references(rows: MetricTable, metric: Metric, own: Mapping[Strategy, Row]) -> dict[str, float]:
    """What a chart compares values with: the models, reference documents, the best possible."""
    if metric in TRUTH:
        lines = {"base": rows.get("base", metric), "final model": rows.get("final", metric)}
        return {name: row["value"] for name, row in lines.items() if row}
    row = next(iter(own.values()))
    if metric is Metric.TRANSPORT and pd.notna(row["ceiling"]):
        return {"reference documents": row["ceiling"]}
    if metric is Metric.RECALL:
        return {"possible": row["ceiling"]}
    return {}


def _with_interval(metric: Metric, row: Row) -> TableCell:
    return bracketed_cell(row, partial(bare, metric), metric.info.unit)


def _best_first(rows: MetricTable, strategies: Iterable[Strategy]) -> list[Strategy]:
    def merit(strategy: Strategy) -> float:
        metric = student_metric(rows, strategy)
        row = rows.get(strategy, metric) if metric else None
        if metric is None or row is None:
            return 0.0
        return -row["value"] if metric.info.is_lower_better else row["value"]

    return sorted(strategies, key=merit, reverse=True)
