"""The parts of the Overview page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from cache.read import AuditFacts
from core.specs import LOWER_IS_BETTER, STUDENT_METRICS, Metric, Strategy
from core.verdict import Row, Rows, focus, percent, student_metric
from pages.parts.charts import CONFIG, dot_plot
from pages.parts.plain import markdown_safe

_HEADLINES = {
    Metric.ACCURACY: "Student accuracy",
    Metric.PERPLEXITY: "Student perplexity",
    Metric.AGREEMENT: "Student's agreement with the final model",
    Metric.RECALL: "Reference documents located",
    Metric.TRANSPORT: "Transport to the reference",
    Metric.IMBALANCE: "Class imbalance",
    Metric.COSINE: "Cosine with the weight difference",
}
_N_HEADLINES = 4
# What a test set says of a student; agreement stands in where there is none.
_TRUTH = {Metric.ACCURACY, Metric.PERPLEXITY}
_IN_PERCENT = {
    Metric.ACCURACY,
    Metric.AGREEMENT,
    Metric.RECALL,
    Metric.PRECISION,
    Metric.CONTAINMENT,
    Metric.DOMAIN_PRECISION,
    Metric.MEMBERSHIP_PRECISION,
}
_CHARTS = {
    Metric.ACCURACY: ("Student accuracy", "higher is better"),
    Metric.PERPLEXITY: ("Student perplexity", "lower is better"),
    Metric.AGREEMENT: ("Student's agreement with the final model", "higher is better"),
    Metric.TRANSPORT: ("Transport distance to the reference", "lower is closer"),
    Metric.RECALL: ("Recall of located documents", "higher is better"),
    Metric.COSINE: ("Cosine with the weight difference", "higher is better"),
}
_TABLE = {
    Metric.ACCURACY: "accuracy, %",
    Metric.PERPLEXITY: "perplexity",
    Metric.RECALL: "recall, %",
    Metric.PRECISION: "precision, %",
    Metric.LIFT: "lift",
    Metric.TRANSPORT: "transport",
    Metric.CONTAINMENT: "vocabulary, %",
    Metric.IMBALANCE: "imbalance",
    Metric.COSINE: "cosine",
    Metric.AGREEMENT: "agreement, %",
    Metric.WEIGHT_COSINE: "weights' cosine",
}
_BOUNDS = {
    "null_low": "chance alone, from",
    "null_high": "chance alone, to",
    "ceiling": "at best",
}
_MEMBERSHIP = {
    Metric.DOMAIN_PRECISION: "in domain, %",
    Metric.MEMBERSHIP_PRECISION: "used, %",
}


def show_headline_numbers(rows: Rows, strategy: Strategy) -> None:
    """The first few metrics there are, each beside its null."""
    shown = [m for m in _HEADLINES if rows.get(strategy, m)]
    if _TRUTH & set(shown):
        shown.remove(Metric.AGREEMENT)
    columns = st.columns(len(shown[:_N_HEADLINES]))
    for column, metric in zip(columns, shown, strict=False):
        row = rows.get(strategy, metric)
        assert row is not None
        with column.container(border=True, height="stretch"):
            st.metric(_HEADLINES[metric], _number(metric, row["value"]))
            st.caption("  \n".join(_beside(rows, strategy, metric, row)))


def show_charts(rows: Rows, strategies: Iterable[Strategy]) -> None:
    """Two dot plots: how good the students are, and how near the selections come."""
    drawn = []
    for metric in _CHARTS:
        if metric is Metric.AGREEMENT and _TRUTH & set(drawn):
            continue
        if any(rows.get(strategy, metric) for strategy in strategies):
            drawn.append(metric)
    for column, metric in zip(st.columns(2), drawn[:2], strict=False):
        title, direction = _CHARTS[metric]
        with column:
            st.subheader(title, anchor=False)
            own = {s: row for s in strategies if (row := rows.get(s, metric))}
            figure = dot_plot(own, _references(rows, metric, own), metric in _IN_PERCENT)
            st.plotly_chart(figure, config=CONFIG, key=f"chart-{metric}", alt=title)
            band = any(
                pd.notna(row["null_low"]) and row["null_high"] > row["null_low"]
                for row in own.values()
            )
            st.caption(
                direction
                + (
                    "; grey band: " + markdown_safe(next(iter(own.values()))["null_kind"])
                    if band
                    else "; bars are 95% intervals"
                )
            )


def strategy_table(rows: Rows, strategies: Iterable[Strategy]) -> pd.DataFrame:
    """Strategies down, metrics across, intervals in brackets; below them what bounds each."""
    ordered = _best_first(rows, strategies)
    columns = dict(_TABLE)
    if any(rows.get(strategy, metric) for strategy in ordered for metric in _TRUTH):
        del columns[Metric.AGREEMENT]
    columns = {m: name for m, name in columns.items() if any(rows.get(s, m) for s in ordered)}
    table = []
    for strategy in ordered:
        cells = {"strategy": strategy.shown_as}
        for metric, name in columns.items():
            if row := rows.get(strategy, metric):
                cells[name] = _with_interval(metric, row)
                if metric is Metric.RECALL:
                    cells["p"] = _exponent(row["p_value"])
        table.append(cells)
    for column, title in _BOUNDS.items():
        cells = {"strategy": title}
        for metric, name in columns.items():
            row = rows.get(focus(ordered), metric)
            if row and pd.notna(row[column]):
                cells[name] = _bare(metric, row[column])
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


def show_membership(rows: Rows, strategies: Iterable[Strategy]) -> None:
    """Domain and membership apart, each beside chance; nothing where no held-out half is known."""
    table = []
    for strategy in strategies:
        cells = {"strategy": strategy.shown_as}
        for metric, name in _MEMBERSHIP.items():
            if row := rows.get(strategy, metric):
                cells[name] = _with_interval(metric, row)
                cells[f"{name}: by chance"] = _bare(metric, row["null_value"])
                cells[f"{name}: p"] = _exponent(row["p_value"])
        if len(cells) > 1:
            table.append(cells)
    if not table:
        return
    st.subheader("Domain or membership", anchor=False)
    st.dataframe(
        pd.DataFrame(table).fillna(""),
        hide_index=True,
        height="content",
        column_config={
            f"{name}: {short}": st.column_config.TextColumn(short)
            for name in _MEMBERSHIP.values()
            for short in ("by chance", "p")
        },
    )
    st.caption(
        "In domain: chosen documents of the same kind as the reference set, used or held out. "
        "Used: of those, the ones that were used. Finding the domain is no evidence of membership; "
        "only the second share is."
    )


def _best_first(rows: Rows, strategies: Iterable[Strategy]) -> list[Strategy]:
    def merit(strategy: Strategy) -> float:
        metric = student_metric(rows, strategy)
        row = rows.get(strategy, metric) if metric else None
        if row is None:
            return 0.0
        return -row["value"] if metric in LOWER_IS_BETTER else row["value"]

    return sorted(strategies, key=merit, reverse=True)


def show_caveats(facts: AuditFacts) -> None:
    """What the reader must know before believing the numbers."""
    if facts.meta["caveats"]:
        st.subheader("Read with this in mind", anchor=False)
        for caveat in facts.meta["caveats"]:
            st.write(f"- {markdown_safe(caveat)}")


def show_provenance(facts: AuditFacts) -> None:
    """What was run on what, and the command that repeats it."""
    provenance = dict(facts.meta["provenance"])
    with st.expander("Provenance", icon=":material/fingerprint:"):
        st.write("The command that asks this again:")
        st.code(provenance.pop("command"), language=None, wrap_lines=True)
        left, right = st.columns(2)
        packages = provenance.pop("packages")
        with left:
            st.write("Models and data")
            st.dataframe(
                _pairs({**facts.meta["counts"], **provenance, **_flat(facts.model_facts)}),
                hide_index=True,
            )
        with right:
            st.write("How students were trained")
            st.dataframe(_pairs(facts.meta["training"]), hide_index=True)
            st.write("Durations, s")
            st.dataframe(facts.stages.round(1), hide_index=True)
            st.write("Packages")
            st.dataframe(_pairs(packages), hide_index=True)


def _beside(rows: Rows, strategy: Strategy, metric: Metric, row: Row) -> list[str]:
    """The interval, the null and the best to be hoped for."""
    lines = []
    if pd.notna(row["low"]):
        lines.append(
            f"95% interval {_number(metric, row['low'])} to {_number(metric, row['high'])}"
        )
    random = rows.get(Strategy.RANDOM, metric)
    if metric in STUDENT_METRICS:
        if random and strategy is not Strategy.RANDOM:
            lines.append(
                f"random selection {_number(metric, random['value'])} "
                f"({_number(metric, random['low'])} to "
                f"{_number(metric, random['high'])})"
            )
    elif pd.notna(row["null_value"]):
        lines.append(
            f"random {_number(metric, row['null_value'])} "
            f"({_number(metric, row['null_low'])} to "
            f"{_number(metric, row['null_high'])})"
        )
    if metric is Metric.TRANSPORT and pd.notna(row["ceiling"]):
        lines.append(f"as many true documents {_number(metric, row['ceiling'])}")
    if metric is Metric.RECALL:
        lines.append(f"at most {_number(metric, row['ceiling'])} is possible")
    final = rows.get("final", metric)
    if metric in _TRUTH and final:
        lines.append(f"final model {_number(metric, final['value'])}")
    return [markdown_safe(line) for line in lines]


def _references(rows: Rows, metric: Metric, own: dict[Strategy, Row]) -> dict[str, float]:
    if metric in _TRUTH:
        lines = {"base": rows.get("base", metric), "final model": rows.get("final", metric)}
        return {name: row["value"] for name, row in lines.items() if row}
    row = next(iter(own.values()))
    if metric is Metric.TRANSPORT and pd.notna(row["ceiling"]):
        return {"true documents": row["ceiling"]}
    if metric is Metric.RECALL:
        return {"possible": row["ceiling"]}
    return {}


def _with_interval(metric: Metric, row: Row) -> str:
    text = _bare(metric, row["value"])
    if pd.isna(row["low"]):
        return text
    return f"{text} [{_bare(metric, row['low'])}–{_bare(metric, row['high'])}]"


def _bare(metric: Metric, value: float) -> str:
    return _number(metric, value).removesuffix("%")


def _exponent(probability: float) -> str:
    return f"{probability:.2g}" if probability > 0 else "< 1e-300"


def _number(metric: Metric, value: float) -> str:
    if metric in _IN_PERCENT:
        return percent(value)
    return f"{value:.2f}" if metric in (Metric.LIFT, Metric.PERPLEXITY) else f"{value:.3f}"


def _pairs(values: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (name.replace("_", " "), "—" if value is None else str(value))
            for name, value in values.items()
        ],
        columns=["", "value"],
    )


def _flat(facts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {f"{model} {fact}": value for model, own in facts.items() for fact, value in own.items()}
