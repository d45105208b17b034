"""The data of the Experiments page: our values over seeds, the authors', and their table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.experiments.read import ExperimentSummary, read_measurements
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.experiments.catalogue import paper_titles
from assay.core.experiments.paper_results import ReferenceRow, reference_rows
from assay.core.experiments.recipes import Axis, Recipe
from assay.core.findings.equal_scores import drawn_title
from assay.core.findings.experiment import SUBJECTS, Place, drawn_subjects, is_drawn, spreads
from assay.core.findings.formatting import number
from assay.core.findings.repeats import spread_cell
from assay.core.findings.table_cells import PERCENT, TableCell
from assay.core.specs.metrics import Metric
from assay.core.specs.training import Optimizer
from assay.core.stats.intervals import Spread

SHARES = {Axis.LEAKED_SHARE, Axis.REPLACED_SHARE}
# The heading of the first column: a strategy, or one of the models.
_SUBJECT = "strategy"
_OPTIMIZERS: dict[str, str] = {
    Optimizer.ADAM: "Adam",
    Optimizer.ADAMW: "AdamW",
    Optimizer.SGD: "SGD",
}


@dataclass(frozen=True)
class Compared:
    """Our values and the authors' for one recipe, and the names that each uses."""

    recipe: Recipe
    ours: Mapping[Place, Spread]
    theirs: Mapping[Place, ReferenceRow]
    names: Mapping[str, str]

    @property
    def panels(self) -> list[str]:
        """The panels we measured, then those that only the authors did."""
        return list(dict.fromkeys(place.panel for place in (*self.ours, *self.theirs)))

    def metrics_of(self, panel: str) -> list[Metric]:
        """The recipe's metrics with a value in this panel, then others that the authors report."""
        found = {place.metric for place in (*self.ours, *self.theirs) if place.panel == panel}
        found.discard(Metric.EQUAL_SCORES)  # said beside the name of whose ranking it is
        return [m for m in dict.fromkeys((*self.recipe.metrics, *Metric)) if m in found]

    def drawn_in(self, panel: str) -> list[str]:
        """Those whose rankings had nothing to rank by somewhere in this panel."""
        return drawn_subjects(place for place in self.ours if place.panel == panel)

    def title(self, panel: str) -> str:
        """The panel's name here, and the paper's if that differs."""
        ours, theirs = self.names.get(panel), _paper_title(panel)
        if ours is None or ours == theirs:
            return theirs
        return f"{ours}, compared with the authors' {theirs}"


def compared(recipe: Recipe, experiment: ExperimentSummary | None) -> Compared:
    """The authors' values, and ours if an experiment measured some."""
    theirs = {
        Place(row.panel, row.variant, row.x, row.subject, row.metric): row
        for row in reference_rows(recipe.name)
    }
    if experiment is None:
        return Compared(recipe, {}, theirs, {})
    return Compared(recipe, our_spreads(experiment.path), theirs, experiment.meta.names)


@st.cache_data(max_entries=64, show_spinner=False)
def our_spreads(path: Path) -> dict[Place, Spread]:
    return spreads(measurements(path).to_dict("records"))


@st.cache_data(max_entries=64, show_spinner=False)
def measurements(path: Path) -> pd.DataFrame:
    return read_measurements(path)


def jobs_of(store: Store, recipe: str) -> list[Job]:
    """Queued and running runs of a recipe, newest first; or how the last one failed.

    An earlier failure says nothing about the results, and stays on the page Jobs.
    """
    table = JobTable(store)
    table.sweep_lost()
    mine = [job for job in table.all() if job.command[:1] == ("experiment",)]
    mine = [job for job in mine if recipe in job.command]
    active = [job for job in mine if job.state in (JobState.QUEUED, JobState.RUNNING)]
    return active or [job for job in mine[:1] if job.state is not JobState.DONE]


def comparison_table(known: Compared, panel: str) -> pd.DataFrame:
    """One row per subject, one column per metric and source; the authors' columns are marked."""
    recipe, metrics = known.recipe, known.metrics_of(panel)
    places = {
        place
        for place in (*known.ours, *known.theirs)
        if place.panel == panel and place.metric != Metric.EQUAL_SCORES
    }
    rows = sorted({(p.variant, p.x, p.subject) for p in places}, key=_order)
    sources = sorted({row.source for place, row in known.theirs.items() if place.panel == panel})
    table = []
    for variant, x, subject in rows:
        flag = Place(panel, variant, x, subject, Metric.EQUAL_SCORES)
        title = subject_title(subject, is_drawn(known.ours, flag))
        cells: dict[str, str | TableCell] = {_SUBJECT: title}
        if recipe.variant:
            cells[recipe.variant.shown_as] = _named(known, variant)
        if recipe.x:
            cells[recipe.x.shown_as] = _place(recipe.x, x)
        for metric in metrics:
            place = Place(panel, variant, x, subject, metric)
            title = metric.info.short
            if known.ours:
                cells[f"{title}, ours"] = _spread(metric, known.ours.get(place))
            for source in sources:
                row = known.theirs.get(place)
                cells[f"{title}, {source}"] = (
                    _value(metric, row.value) if row and row.source == source else ""
                )
        table.append(cells)
    frame = pd.DataFrame(table)
    return frame.loc[:, [c for c in frame if c == _SUBJECT or frame[c].ne("").any()]]


def measurements_table(known: Compared, rows: pd.DataFrame) -> pd.DataFrame:
    """Every measurement in the words of ``comparison_table``; audit_id is left to be shown as a
    link. ``rows`` as stored."""
    recipe = known.recipe
    columns: dict[str, list[object]] = {
        recipe.panel.shown_as: [_named(known, panel) for panel in rows["panel"]],
        "strategy or model": [subject_title(subject) for subject in rows["subject"]],
    }
    if recipe.variant:
        columns[recipe.variant.shown_as] = [_named(known, variant) for variant in rows["variant"]]
    if recipe.x:
        # Of gradients only a projection has dimensions; elsewhere no place is no place.
        whole = x_title(recipe.x, None) if recipe.x is Axis.DIMENSION else None
        columns[recipe.x.shown_as] = [
            whole if pd.isna(x) else x_title(recipe.x, x) for x in rows["x"]
        ]
    metrics = [Metric(name) for name in rows["metric"]]
    columns |= {
        "metric": [metric.info.short for metric in metrics],
        "value": [number(*one) for one in zip(metrics, rows["value"], strict=True)],
        "seed": rows["seed"].tolist(),
        "audit_id": rows["audit_id"].tolist(),
    }
    return pd.DataFrame(columns)


def _named(known: Compared, name: str) -> str:
    return known.names.get(name, _paper_title(name))


def subject_title(subject: str, is_drawn: bool = False) -> str:
    """Its name; ``is_drawn``: its selection is a random draw."""
    return drawn_title(SUBJECTS[subject]) if is_drawn else SUBJECTS[subject]


def x_title(axis: Axis, x: float | None) -> str:
    """A value on an axis; without one, the gradients are exact."""
    if x is None:
        return "exact"
    return f"{x:.0%}" if axis in SHARES else f"{x:,.0f}"


def _paper_title(name: str) -> str:
    """What the paper calls a data set, a model or an optimizer."""
    return {**_OPTIMIZERS, **paper_titles()}.get(name, name)


def _spread(metric: Metric, found: Spread | None) -> TableCell | str:
    if found is None:
        return ""
    return spread_cell(found, partial(number, metric), metric.info.unit)


def _value(metric: Metric, value: float) -> TableCell:
    return TableCell.of(number(metric, value), metric.info.unit, value=value)


def _place(axis: Axis, x: float | None) -> TableCell | str:
    title = x_title(axis, x)
    return title if x is None else TableCell.of(title, PERCENT if axis in SHARES else "", value=x)


def _order(row: tuple[str, float | None, str]) -> tuple[str, int, float]:
    variant, x, subject = row
    return variant, list(SUBJECTS).index(subject), -1.0 if x is None else x
