"""Every ranking of documents by membership, in one table for pages and the report."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import p_value, percent, signed
from assay.core.findings.table_cells import (
    PERCENT,
    TableCell,
    bracketed_cell,
    interval_cell,
    p_cell,
)
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BASELINE_TITLES, BLIND, STRATEGY_TITLES, shown_as

HOW_RANKINGS_READ = (
    "Best first. Square brackets: 95% intervals. “By chance”: the central 95% over shuffled roles; "
    "an AUC of 0.5 is chance. p-values are not corrected here; the answer above corrects for the "
    "number of rankings. FPR: false positive rate, the share of held-out documents that are taken "
    "for training documents. Domain AUC separates the reference set's domain from other text, "
    "which is not evidence of membership. Text alone sees no model."
)
_ALL = (*BASELINE_TITLES, *STRATEGY_TITLES, BLIND)


def judged(rows: MetricTable) -> list[str]:
    """Every ranking with a membership AUC, the best first."""
    found = {name: row["value"] for name in _ALL if (row := rows.get(name, Metric.MEMBERSHIP_AUC))}
    return sorted(found, key=lambda name: -found[name])


def members_table(rows: MetricTable, names: Iterable[str]) -> pd.DataFrame:
    """One row per ranking; every value with its interval and what chance gives."""
    return pd.DataFrame([_line(rows, name) for name in names]).fillna("")


def _line(rows: MetricTable, name: str) -> dict[str, str | TableCell]:
    line: dict[str, str | TableCell] = {"ranking": shown_as(name)}
    auc = rows.get(name, Metric.MEMBERSHIP_AUC)
    assert auc is not None
    line["membership AUC"] = bracketed_cell(auc)
    line["by chance"] = interval_cell(auc["null_low"], auc["null_high"])
    line["p"] = p_cell(auc["p_value"])
    for metric, title in (
        (Metric.MEMBERSHIP_TPR, "found at 1% FPR"),
        (Metric.MEMBERSHIP_TPR_STRICT, "found at 0.1% FPR"),
        (Metric.PREVALENCE, "estimated share trained"),
    ):
        if row := rows.get(name, metric):
            line[title] = bracketed_cell(row, percent, PERCENT)
    if lead := rows.get(name, Metric.MEMBERSHIP_LEAD):
        line["AUC above the main strategy"] = TableCell.of(
            f"{signed(lead['value'])} [{signed(lead['low'])} to {signed(lead['high'])}], "
            f"{p_value(lead['p_value'])}",
            **bounded(lead),
            p=lead["p_value"],
        )
    if domain := rows.get(name, Metric.DOMAIN_AUC):
        line["domain AUC"] = bracketed_cell(domain)
    return line


def bounded(row: Row) -> dict[str, float]:
    """A row's value and interval, as numbers of a cell."""
    return {name: row[name] for name in ("value", "low", "high")}
