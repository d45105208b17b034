"""The parts of the Assessability page, and its line on the Overview."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from assay.cache.audits.read import AuditFacts
from assay.cache.export import of_audit
from assay.core.findings.formatting import significant
from assay.core.specs.audit import Assessability
from assay.pages.components.charts import MARGIN, show_chart, whole_steps
from assay.pages.components.escaping import markdown_safe, plotly_safe
from assay.pages.components.export import count_columns, export_line, sideways
from assay.pages.components.palette import REFERENCE_LINE, SINGLE_HUE, VERDICT_COLOURS
from assay.pages.components.tables import shown_table

_ICONS = {
    Assessability.ASSESSABLE: ":material/verified:",
    Assessability.LIMITED: ":material/warning:",
    Assessability.NOT_ASSESSABLE: ":material/gpp_maybe:",
}
_COLUMNS = {
    "name": "tensor",
    "n_entries": "weights",
    "share_changed": "changed, %",
    "cosine": "cosine with base",
    "relative": "change ÷ base",
    "times": "times the floor",
    "rank_90": "directions (90%)",
    "full_rank": "of at most",
    "decay_correlation": "correlation with base",
    "flatness": "flatness",
}


def show_verdict(facts: AuditFacts) -> None:
    """The assessability and its reasons; "not assessable" says that this is not "no leak"."""
    verdict = facts.assessability
    with st.container(border=True):
        st.badge(verdict.shown_as, icon=_ICONS[verdict], color=VERDICT_COLOURS[verdict])
        for reason in facts.meta.assessment.reasons:
            st.write(markdown_safe(reason))
        if verdict is Assessability.NOT_ASSESSABLE:
            st.caption("No documents were scored, so this does not show whether anything leaked.")


def assessment_line(facts: AuditFacts, path: Path) -> None:
    """The assessability in one line, before any score."""
    verdict = facts.assessability
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(verdict.shown_as, icon=_ICONS[verdict], color=VERDICT_COLOURS[verdict])
        st.caption(markdown_safe(facts.meta.assessment.reasons[0]), width="stretch")
        st.page_link(
            "pages/assessability.py",
            label="How the weights changed",
            icon=":material/balance:",
            query_params={"audit": path.stem},
        )


def show_facts(facts: AuditFacts) -> None:
    """Lineage, change, the part whose gradients are taken, and its rounding floor."""
    own = facts.models.difference
    with st.container(key="roomy change"):
        columns = st.columns(4)
    lineage = own.lineage_cosine
    shown = (
        (
            "Lineage",
            "—" if lineage is None else f"{lineage:z.4f}",
            "cosine between all weights of final and base model; unrelated models have about 0",
        ),
        (
            "Weights changed",
            f"{100 * own.n_parameters_changed / own.n_parameters:.1f}%",
            f"{own.n_tensors_changed:,} of {own.n_tensors:,} tensors; the change is "
            f"{significant(100 * own.relative_change, 2)}% of the base's norm",
        ),
        (
            "Change of the scored part",
            significant(own.scored_change),
            f"Euclidean norm of {own.scored_part}, whose gradients are used",
        ),
        (
            "Rounding floor",
            significant(own.scored_floor, 2),
            "change that rounding alone would cause, as both models are stored "
            f"({facts.models.base.precision}, {facts.models.final.precision})",
        ),
    )
    for column, (label, value, caption) in zip(columns, shown, strict=True):
        with column.container(border=True, height="stretch"):
            st.metric(label, value)
            st.caption(markdown_safe(caption))


def show_hints(facts: AuditFacts) -> None:
    """What the weight difference suggests about training."""
    hints = facts.meta.assessment.hints
    if not hints:
        return
    st.subheader("Hints from the weight difference", anchor=False)
    for hint in hints:
        st.write(f"- {markdown_safe(hint)}")
    st.caption("Hints, not proof: other training recipes can leave the same traces.")


def show_layer_chart(layers: pd.DataFrame) -> None:
    """Each tensor's change as a multiple of its rounding floor, in the model's order."""
    st.subheader("Change of each tensor", anchor=False)
    moved = _with_ratios(layers).query("times > 0")
    if moved.empty:
        st.caption("No tensor changed.")
        return
    figure = go.Figure(
        go.Scatter(
            x=moved["position"],
            y=moved["times"],
            mode="markers",
            marker={"color": SINGLE_HUE, "size": 7},
            text=moved["name"].map(plotly_safe),
            hovertemplate="%{text}: %{y:.3g} times the floor<extra></extra>",
        )
    )
    figure.add_hline(y=1, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1.5})
    figure.update_xaxes(
        title="tensor, in the model's order",
        range=[-0.5, len(layers) - 0.5],
        **whole_steps(len(layers)),
    )
    figure.update_yaxes(
        title="change ÷ rounding floor", type="log", dtick=1, exponentformat="power"
    )
    figure.update_layout(height=300, margin=MARGIN)
    show_chart(figure, key="layers", alt="Change of each tensor")
    n_still = len(layers) - len(moved)
    st.caption(
        "Dotted: the change that rounding to the stored precision alone would cause."
        + (f" {n_still:,} of {len(layers):,} did not change and are not drawn." if n_still else "")
    )


def show_layer_table(path: Path, layers: pd.DataFrame) -> None:
    """All tensors; a click shows the spectrum of one tensor's difference."""
    table = _with_ratios(layers)
    shown = table[list(_COLUMNS)].rename(columns=_COLUMNS)
    chosen = shown_table(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="—",
        key="tensors",
        column_config=count_columns(shown)
        | {
            "changed, %": st.column_config.NumberColumn(format="%.1f"),
            "cosine with base": st.column_config.NumberColumn(format="%.5f"),
            "change ÷ base": st.column_config.NumberColumn(format="%.4g"),
            "times the floor": st.column_config.NumberColumn(format="%,.0f"),
            "correlation with base": st.column_config.NumberColumn(format="%.3f"),
            "flatness": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    export_line(
        of_audit(path),
        "tensors",
        table.rename(columns=_COLUMNS),
        note=sideways(
            "Directions: number of singular values that make up 90% of the squared change (of at "
            "most 1,024 rows and columns). Correlation with base: below zero if weights shrank. "
            "Flatness: 0.80 for normally distributed changes, towards 1 if all weights changed "
            "equally. Select a row to see its spectrum.",
            len(shown.columns),
        ),
    )
    if rows := chosen["selection"]["rows"]:
        _show_spectrum(table.iloc[rows[0]])


def _show_spectrum(layer: pd.Series) -> None:
    st.subheader("Spectrum of the difference", anchor=False)
    st.text(layer["name"])
    if not len(layer["spectrum"]):
        st.caption("This tensor is a vector or unchanged, so it has no spectrum.")
        return
    figure = go.Figure(
        go.Bar(
            x=np.arange(1, len(layer["spectrum"]) + 1),
            y=np.square(layer["spectrum"]),
            marker={"color": SINGLE_HUE},
            hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        )
    )
    figure.update_xaxes(title="singular value", **whole_steps(len(layer["spectrum"])))
    figure.update_yaxes(title="share of the squared change", tickformat=".0%")
    figure.update_layout(height=260, margin=MARGIN)
    show_chart(figure, key="spectrum", alt="Spectrum of the difference")


def _with_ratios(layers: pd.DataFrame) -> pd.DataFrame:
    floors = layers["floor_norm"].where(layers["floor_norm"] > 0)
    bases = layers["base_norm"].where(layers["base_norm"] > 0)
    return layers.assign(
        times=layers["difference_norm"] / floors,
        relative=layers["difference_norm"] / bases,
        share_changed=100 * layers["share_changed"],
    )
