"""The live values and the measured table of the Titration page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import number, p_value
from assay.core.findings.repeats import spread_cell
from assay.core.findings.titration_grid import share_spreads
from assay.core.selection.titration import Cell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import shown_as
from assay.core.stats.selection_metrics import MAX_TRANSPORT_REFERENCE, Measurement
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.escaping import markdown_safe

_SHOWN = (
    Metric.RECALL,
    Metric.PRECISION,
    Metric.MEMBERSHIP_AUC,
    Metric.DOMAIN_AUC,
    Metric.TRANSPORT,
)
# Shown below another value instead of in a box of its own.
_BELOW = {
    Metric.PRECISION: Metric.LIFT,
    Metric.MEMBERSHIP_AUC: Metric.MEMBERSHIP_PRECISION,
    Metric.DOMAIN_AUC: Metric.DOMAIN_PRECISION,
}


def show_standing(found: Finding, source: str) -> None:
    """The headline, what supports it, and which values it was made from."""
    with st.container(border=True):
        st.subheader(markdown_safe(found.headline), anchor=False)
        for sentence in found.sentences:
            st.write(markdown_safe(sentence))
        st.caption(markdown_safe(source))


def show_live(cells: Mapping[str, Cell], setting: Setting) -> DeltaGenerator:
    """The live selection's values, each with interval, best, chance and the controls' values.

    Transport takes longest, so its place is returned: ``show_value`` fills it.
    """
    with st.container(key="roomy titration values"):
        columns = st.columns(len(_SHOWN))
    for column, metric in zip(columns, _SHOWN, strict=True):
        place = column.container(border=True, height="stretch").empty()
        if metric is Metric.TRANSPORT:
            with place.container():
                _show_number(metric, "…")
                st.caption("being computed")
        else:
            show_value(place, metric, cells, setting)
    return place


def show_value(
    place: DeltaGenerator, metric: Metric, cells: Mapping[str, Cell], setting: Setting
) -> None:
    """One of the live selection's values."""
    figures = cells[setting.selector].figures
    found = figures.get(metric)
    lines = _beside(metric, found) if found else [_why_not(metric, setting)]
    if found and metric in _BELOW and (other := figures.get(_BELOW[metric])):
        lines.append(_in_short(_BELOW[metric], other))
    lines += [
        f"{shown_as(name)} {number(metric, cell.figures[metric].value)}"
        for name, cell in cells.items()
        if name != setting.selector and metric in cell.figures
    ]
    with place.container():
        _show_number(metric, number(metric, found.value if found else None))
        st.caption("  \n".join(markdown_safe(line) for line in lines))


def _show_number(metric: Metric, value: str) -> None:
    short = metric.info.short
    st.metric(f"{short[0].upper()}{short[1:]}", value)


def best_possible(measured: pd.DataFrame, metric: Metric) -> str | None:
    """The ceilings at each leaked share, in a sentence; None if all are 1 or there are none."""
    best = measured.dropna(subset=["ceiling"]).groupby("leaked_share")["ceiling"].mean()
    if best.empty or (best == 1).all():
        return None
    cells = [f"{number(metric, value)} at {share:.0%}" for share, value in best.items()]
    return "At best: " + ", ".join(cells) + "."


def measured_table(measured: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row per strategy, one column per leaked share: the mean over draws and their spread; the
    best at the largest share first."""
    by_strategy = dict(iter(measured.groupby("strategy")))
    at_most = measured[measured["leaked_share"] == measured["leaked_share"].max()]
    means = at_most.groupby("strategy")["value"].mean().reindex(by_strategy)
    return pd.DataFrame(
        [
            {"strategy": shown_as(str(name))}
            | {
                f"{share:.0%} leaked": spread_cell(found, partial(number, metric), metric.info.unit)
                for share, found in share_spreads(by_strategy[name]).items()
            }
            for name in means.sort_values(ascending=metric.info.is_lower_better).index
        ]
    ).fillna("")


def _beside(metric: Metric, found: Measurement) -> list[str]:
    lines = []
    if found.low is not None:
        lines.append(f"95% interval {number(metric, found.low)} to {number(metric, found.high)}")
    if metric is Metric.TRANSPORT:
        lines.append(f"to at most {MAX_TRANSPORT_REFERENCE:,} reference documents")
        lines.append(f"as many reference documents {number(metric, found.ceiling)}")
    elif metric is Metric.RECALL or (found.ceiling is not None and found.ceiling < 1):
        lines.append(f"at most {number(metric, found.ceiling)} is possible")
    if found.null_value is not None:
        lines.append(f"by chance {number(metric, found.null_value)}")
    if found.p_value is not None:
        lines.append(p_value(found.p_value))
    return lines


def _in_short(metric: Metric, found: Measurement) -> str:
    title, chance = metric.info.title, number(metric, found.null_value)
    line = f"{title[0].lower()}{title[1:]} {number(metric, found.value)}, by chance {chance}"
    return line if found.p_value is None else f"{line}, {p_value(found.p_value)}"


def _why_not(metric: Metric, setting: Setting) -> str:
    if metric is Metric.TRANSPORT:
        return "this audit has no embeddings of a reference set"
    if setting.leaked_share == 0 and metric is not Metric.DOMAIN_AUC:
        return "no document is leaked"
    if metric in (Metric.MEMBERSHIP_AUC, Metric.DOMAIN_AUC):
        return (
            "needs held-out documents of the reference set's domain; without them domain and "
            "membership cannot be distinguished"
        )
    return "no training document is in this pool"
