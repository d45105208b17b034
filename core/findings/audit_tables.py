"""The tables of an audit as people read them: what pages and the report both show.

Made from the rows of the metrics table alone, so that no two places can say different things.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from assay.core.findings.audit import student_metric
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import percent
from assay.core.findings.table_cells import PERCENT, TableCell
from assay.core.specs.metrics import LOWER_IS_BETTER, Metric
from assay.core.specs.strategies import Strategy, main_strategy

# What a test set says of a student; agreement stands in where there is none.
TRUTH = {Metric.ACCURACY, Metric.PERPLEXITY}
IN_PERCENT = {
    Metric.ACCURACY,
    Metric.AGREEMENT,
    Metric.RECALL,
    Metric.PRECISION,
    Metric.CONTAINMENT,
    Metric.EMBEDDING_RECALL,
    Metric.OVERLAP,
    Metric.DOMAIN_PRECISION,
    Metric.MEMBERSHIP_PRECISION,
    Metric.MEMBERSHIP_TPR,
    Metric.MEMBERSHIP_TPR_STRICT,
}
CHARTS = {
    Metric.ACCURACY: ("Student accuracy", "higher is better"),
    Metric.PERPLEXITY: ("Student perplexity", "lower is better"),
    Metric.AGREEMENT: ("Student's agreement with the final model", "higher is better"),
    Metric.TRANSPORT: ("Transport distance to the reference", "lower is closer"),
    Metric.RECALL: ("Recall of located documents", "higher is better"),
    Metric.COSINE: ("Cosine with the weight difference", "higher is better"),
}
TABLE = {
    Metric.ACCURACY: "accuracy, %",
    Metric.PERPLEXITY: "perplexity",
    Metric.RECALL: "recall, %",
    Metric.PRECISION: "precision, %",
    Metric.LIFT: "lift",
    Metric.TRANSPORT: "transport",
    Metric.EMBEDDING_RECALL: "near, %",
    Metric.OVERLAP: "duplicates, %",
    Metric.CONTAINMENT: "vocabulary, %",
    Metric.IMBALANCE: "imbalance",
    Metric.COSINE: "cosine",
    Metric.AGREEMENT: "agreement, %",
    Metric.WEIGHT_COSINE: "weights' cosine",
}
BOUNDS = {
    "null_low": "chance alone, from",
    "null_high": "chance alone, to",
    "ceiling": "at best",
}
MEMBERSHIP = {
    Metric.DOMAIN_PRECISION: "in domain, %",
    Metric.MEMBERSHIP_PRECISION: "used, %",
}

MEMBERSHIP_NOTE = (
    "In domain: chosen documents of the same kind as the reference set, used or held out. Used: of "
    "those, the ones that were used. Finding the domain is no evidence of membership; only the "
    "second share is."
)


def strategy_table(rows: MetricTable, strategies: Iterable[Strategy]) -> pd.DataFrame:
    """Strategies down, metrics across, intervals in brackets; below them what bounds each."""
    ordered = _best_first(rows, strategies)
    columns = {m: name for m, name in TABLE.items() if any(rows.get(s, m) for s in ordered)}
    table = []
    for strategy in ordered:
        cells: dict[str, str | TableCell] = {"strategy": strategy.shown_as}
        for metric, name in columns.items():
            if row := rows.get(strategy, metric):
                cells[name] = _with_interval(metric, row)
                if metric is Metric.RECALL:
                    cells["p"] = _exponent(row["p_value"])
        table.append(cells)
    for column, title in BOUNDS.items():
        cells = {"strategy": title}
        for metric, name in columns.items():
            row = rows.get(main_strategy(ordered), metric)
            if row and pd.notna(row[column]):
                cells[name] = _alone(metric, row[column])
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
    """How to read the table of strategies, as far as it has what is explained."""
    ran = list(strategies)
    has_students = any(rows.get(s, m) for s in ran for m in (*TRUTH, Metric.AGREEMENT))
    lines = [
        "Best student first." if has_students else "No students were trained.",
        "Square brackets: 95% intervals (Wilson for accuracy and agreement, Clopper–Pearson for "
        "recall and precision); p: hypergeometric, of the recall. “random” is one random "
        "selection; “chance alone” is the range of many, for accuracy the largest class; “at best” "
        "is what true documents would reach.",
    ]
    if any(rows.get(strategy, Metric.EMBEDDING_RECALL) for strategy in ran):
        lines.append(
            "Near: true documents with a selected one nearer than their fifth nearest true one; "
            "duplicates: selected documents that are exactly or nearly true ones."
        )
    if not rows.get(main_strategy(ran), Metric.RECALL):
        lines.append(
            "Recall and precision need documents of the reference set in the seed corpus; there "
            "are none here."
        )
    return " ".join(lines)


def membership_table(rows: MetricTable, strategies: Iterable[Strategy]) -> pd.DataFrame:
    """Domain and membership apart, each beside chance; empty where no held-out half is known."""
    table = []
    for strategy in strategies:
        cells: dict[str, str | TableCell] = {"strategy": strategy.shown_as}
        for metric, name in MEMBERSHIP.items():
            if row := rows.get(strategy, metric):
                cells[name] = _with_interval(metric, row)
                cells[f"{name}: by chance"] = _alone(metric, row["null_value"])
                cells[f"{name}: p"] = _exponent(row["p_value"])
        if len(cells) > 1:
            table.append(cells)
    return pd.DataFrame(table).fillna("")


def charted(rows: MetricTable, strategies: Iterable[Strategy], n_charts: int) -> list[Metric]:
    """The first few metrics that are drawn: agreement only where no test set says better."""
    ran, drawn = list(strategies), list[Metric]()
    for metric in CHARTS:
        if metric is Metric.AGREEMENT and TRUTH & set(drawn):
            continue
        if any(rows.get(strategy, metric) for strategy in ran):
            drawn.append(metric)
    return drawn[:n_charts]


def references(rows: MetricTable, metric: Metric, own: Mapping[Strategy, Row]) -> dict[str, float]:
    """What a value is compared with on a chart: the models, true documents, the possible."""
    if metric in TRUTH:
        lines = {"base": rows.get("base", metric), "final model": rows.get("final", metric)}
        return {name: row["value"] for name, row in lines.items() if row}
    row = next(iter(own.values()))
    if metric is Metric.TRANSPORT and pd.notna(row["ceiling"]):
        return {"true documents": row["ceiling"]}
    if metric is Metric.RECALL:
        return {"possible": row["ceiling"]}
    return {}


def _with_interval(metric: Metric, row: Row) -> TableCell:
    value, low, high = row["value"], row["low"], row["high"]
    if pd.isna(low):
        return _alone(metric, value)
    text = f"{_bare(metric, value)} [{_bare(metric, low)}–{_bare(metric, high)}]"
    return TableCell.of(text, unit_of(metric), value=value, low=low, high=high)


def _alone(metric: Metric, value: float) -> TableCell:
    return TableCell.of(_bare(metric, value), unit_of(metric), value=value)


def _bare(metric: Metric, value: float) -> str:
    return number(metric, value).removesuffix("%")


def _exponent(probability: float) -> TableCell:
    text = f"{probability:.2g}"
    if probability < 0.001:  # one digit: its column is narrow
        text = f"{probability:.0e}" if probability > 0 else "< 1e-300"
    return TableCell.of(text, value=probability)


def unit_of(metric: Metric) -> str:
    """The unit that its values are read in."""
    return PERCENT if metric in IN_PERCENT else ""


def number(metric: Metric, value: float) -> str:
    """A value in the unit it is read in."""
    if metric in IN_PERCENT:
        return percent(value)
    return f"{value:.2f}" if metric in (Metric.LIFT, Metric.PERPLEXITY) else f"{value:.3f}"


def _best_first(rows: MetricTable, strategies: Iterable[Strategy]) -> list[Strategy]:
    def merit(strategy: Strategy) -> float:
        metric = student_metric(rows, strategy)
        row = rows.get(strategy, metric) if metric else None
        if row is None:
            return 0.0
        return -row["value"] if metric in LOWER_IS_BETTER else row["value"]

    return sorted(strategies, key=merit, reverse=True)
