"""What follows the controls of the Titration page: live selections beside the measured grid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from assay.cache.audits.read import AuditFacts
from assay.cache.export import of_audit
from assay.cache.files.database import kept_open
from assay.core.findings.equal_scores import drawn_sentence
from assay.core.findings.formatting import capitalized, verb
from assay.core.findings.repeats import HOW_SPREADS_READ
from assay.core.findings.titration import titration_finding
from assay.core.findings.titration_grid import nearest_budget
from assay.core.selection.titration import Cell, Corpus
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import CONTROLS, leading_strategy, shown_as
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads, titration_controls
from assay.pages.components.audit.titration_charts import (
    HEIGHT,
    picked_on,
    selection_map,
    titration_plot,
)
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.audit.titration_documents import show_live_documents
from assay.pages.components.audit.titration_tables import (
    best_possible,
    measured_table,
    show_live,
    show_standing,
    show_value,
)
from assay.pages.components.echarts import show_canvas
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.null_comparison import settings_line


@st.fragment
def show_selections(path: Path, known: Corpus, facts: AuditFacts) -> None:
    """The controls and all that follows them. Moving one runs this alone and not the whole page:
    the sidebar and the rest stay as they are."""
    with kept_open():
        _show_selections(path, known, facts)


def _show_selections(path: Path, known: Corpus, facts: AuditFacts) -> None:
    grid, headline = titration_controls.grid(path), st.container()
    setting = titration_controls.controls(known, grid, facts)
    counts = facts.meta.counts
    n_leaked = round(setting.leaked_share * counts.n_leaked)
    n_pool = counts.n_documents - counts.n_leaked + n_leaked
    if setting.budget > n_pool:
        st.warning(
            f"At this leaked share the pool has {n_pool:,} documents, fewer than the budget of "
            f"{setting.budget:,}. Lower the budget or raise the share.",
            icon=":material/inventory_2:",
        )
        return
    values = st.container()
    left, right = st.columns([3, 2])
    # What needs the chosen selection alone goes first: the browser draws it during the rest.
    chosen = titration_controls.chosen_cell(path, known, setting)
    with right:
        picked = _show_map(path, chosen, known, facts, setting)
    show_live_documents(path, chosen, known, setting, picked)
    cells = titration_controls.live_cells(path, known, setting)
    if setting.metric is Metric.TRANSPORT:
        cells = titration_controls.with_transport(path, known, cells, setting)
    budget = nearest_budget(grid["budget"], setting.budget)
    here = grid[(grid["budget"] == budget) & (grid["metric"] == setting.metric)]
    with left:
        _show_plot(here, budget, known, cells, setting)
    name = shown_as(setting.selector)
    with values:
        st.caption(
            f"Live: the pool has {n_pool:,} documents, {n_leaked:,} of them training documents "
            f"({n_leaked / max(n_pool, 1):.1%}; there are {counts.n_leaked:,} in all). "
            f"{markdown_safe(capitalized(name))} {verb(name, 'select')} {len(chosen.documents):,}."
        )
        transport = _show_values(cells, setting)
    with headline:
        _show_headline(grid, budget, cells, setting)
    if not here.empty:
        _show_measured(path, here, budget, setting)
    if setting.metric in (Metric.ACCURACY, Metric.AGREEMENT):
        st.caption("Student metrics are only available as measured points.")
        if facts.spec.student_note:
            st.caption(facts.spec.student_note)
    # All else is redrawn by now.
    cells = titration_controls.with_transport(path, known, cells, setting)
    show_value(transport, Metric.TRANSPORT, cells, setting)


def _show_values(cells: Mapping[str, Cell], setting: Setting) -> DeltaGenerator:
    """Returns the place of transport."""
    drawn = [name for name, cell in cells.items() if Metric.EQUAL_SCORES in cell.figures]
    if drawn:
        st.caption(markdown_safe(f"{drawn_sentence(drawn)}"))
    return show_live(cells, setting)


def _show_headline(
    grid: pd.DataFrame, budget: int | None, cells: Mapping[str, Cell], setting: Setting
) -> None:
    """From the measured grid, if there is one."""
    if budget is None:
        rows = titration_controls.as_rows(dict(cells), setting)
        found = titration_finding(rows, setting.selector, setting.budget)
        source = (
            "From the single live selection below: this audit has no measured grid. `assay "
            "titrate` measures one, and so does `assay audit` with `--leaked-share`."
        )
    else:
        measured = [one for one in dict.fromkeys(grid["strategy"]) if one not in CONTROLS]
        strategy = leading_strategy(measured or [setting.selector])
        found = titration_finding(grid.to_dict("records"), strategy, budget)
        n_draws = grid["seed"].nunique()
        source = f"Measured at budget {budget:,}, with {n_draws} draws per leaked share."
    show_standing(found, source)


def _show_plot(
    here: pd.DataFrame,
    budget: int | None,
    known: Corpus,
    cells: Mapping[str, Cell],
    setting: Setting,
) -> None:
    st.subheader(setting.metric.info.title, anchor=False)
    others = [n for n in known.selectors if n not in cells and n in set(here["strategy"])]
    accept_choice("compare", "Compare with", others, shown_as)
    added = (
        st.multiselect(
            "Compare with", others, format_func=shown_as, key="compare", bind="query-params"
        )
        if others
        else []
    )
    show_canvas(
        titration_plot(here, cells, setting, [*cells, *added]),
        key="titration",
        alt="The metric against leaked share",
        height=HEIGHT,
    )
    if here.empty:
        st.caption(
            "Stars: live selections, the chosen strategy's is filled. There are no measured points."
        )
        return
    st.caption(
        f"Points: measured at budget {budget:,}"
        + ("" if budget == setting.budget else f" (the nearest to {setting.budget:,})")
        + f", mean of {here['seed'].nunique()} draws, shifted slightly so that they do not "
        "overlap. Thick bars: 95% t-interval, if there are three draws or more and they "
        "differ; thin bars: lowest to highest. Dotted lines only guide the eye. Stars: live "
        "selections. " + markdown_safe(best_possible(here, setting.metric) or "")
    )


def _show_map(
    path: Path, chosen: Cell, known: Corpus, facts: AuditFacts, setting: Setting
) -> NDArray[np.int64]:
    """The numbers of the documents that were clicked on it."""
    st.subheader("The live selection", anchor=False)
    places = reads.places(path)
    if not len(places):
        st.caption("This audit has no map.")
        return np.empty(0, np.int64)
    state = show_canvas(
        selection_map(places, chosen, known, bool(known.is_held_out.any()), setting),
        key="map",
        alt="Selected documents over the pool",
        height=HEIGHT,
        on_select="rerun",
    )
    st.caption(
        "Grey: density of the pool at this leaked share. Click a point to see its document. "
        + markdown_safe(settings_line(facts.meta.map))
    )
    return picked_on(state, chosen, known, setting)


def _show_measured(path: Path, here: pd.DataFrame, budget: int | None, setting: Setting) -> None:
    st.subheader(f"{setting.metric.info.title}: all strategies, measured", anchor=False)
    exported_table(
        of_audit(path),
        "titration",
        measured_table(here, setting.metric),
        note=f"Mean over draws, each with other leaked documents; {HOW_SPREADS_READ}. The final "
        "model is always the same, so this does not include the variation between training runs.",
        chosen={"metric": str(setting.metric), "budget": budget},
    )
