"""Which audit a page is about, and cached reads of it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from assay.cache.audits import comparison, map_documents, read
from assay.cache.audits.evidence import read_evidence
from assay.cache.audits.model_pair import (
    SamePair,
    n_deleted_tests,
    same_pair,
    suspect_tests_of,
)
from assay.cache.audits.repeats import repeats_of
from assay.cache.store import Store
from assay.core.findings.answers.answer import AuditAnswers
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.initial_head import insiders_view
from assay.core.similarity.map_regions import Region, named_regions, read_for_names
from assay.core.specs.audit import Assessability
from assay.core.specs.results.suspect_test import SuspectResult
from assay.core.specs.strategies import Strategy
from assay.pages.components.address import AUDIT
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.page_table import PAGES
from assay.pages.components.store.first_steps import show_active_jobs, show_first_steps


def chosen_audit(
    page: str, even_if_not_assessable: bool = False, titled_by_it: bool = False
) -> Path:
    """The audit that the address names, under the page's title; the page ends here if there is
    none.

    It also ends at an audit that could not be made, with the reasons, unless the page is about
    just them. ``titled_by_it``: the title of the page is the audit's, which the page itself shows.
    """
    store = Store.default()
    listed = {summary.audit_id: summary for summary in read.list_audits(store)}
    asked = st.query_params.get(AUDIT)
    found = listed.get(asked or "")
    is_sound = found is not None and found.problem is None
    if not (is_sound and titled_by_it):
        st.title(PAGES[page].title)
    if not listed:
        show_active_jobs(store)
        show_first_steps(store)
        st.stop()
    if asked is None:
        st.info(
            f"None of the {len(listed)} audits in this store can be read. The Audits page says "
            "why.",
            icon=":material/info:",
        )
        _to_audits()
    if found is None or found.problem is not None:
        what = (
            f"The audit {asked} cannot be read: {found.problem}."
            if found
            else f"There is no audit named {asked} in this store; it may have been deleted."
        )
        st.warning(
            f"{markdown_safe(what)} Choose another on the Audits page.",
            icon=":material/search_off:",
        )
        _to_audits()
    path = read.audit_path(store, found.audit_id)
    if not even_if_not_assessable:
        _stop_if_not_assessable(path, found, titled_by_it)
    beyond = insiders_view(facts(path).meta)
    if beyond:
        st.info(markdown_safe(beyond), icon=":material/visibility:")
    return path


def _to_audits() -> NoReturn:
    st.page_link(PAGES["audits"].file, label="Audits", icon=PAGES["audits"].icon)
    st.stop()


def _stop_if_not_assessable(path: Path, summary: read.AuditSummary, titled_by_it: bool) -> None:
    if summary.assessability is not Assessability.NOT_ASSESSABLE:
        return
    (st.title if titled_by_it else st.caption)(markdown_safe(summary.title))
    reasons = facts(path).meta.assessment.reasons
    st.warning(
        markdown_safe(" ".join(reasons)) + " No documents were scored.", icon=":material/gpp_maybe:"
    )
    st.page_link(
        PAGES["assessability"].file,
        label="What the weights show",
        icon=PAGES["assessability"].icon,
        query_params={"audit": path.stem},
    )
    st.stop()


@st.cache_data(max_entries=64, show_spinner=False)
def facts(path: Path) -> read.AuditFacts:
    return read.read_facts(path)


@st.cache_data(max_entries=64, show_spinner=False)
def metrics(path: Path) -> pd.DataFrame:
    return read.read_metrics(path)


def answers(path: Path) -> AuditAnswers:
    """The answers, with the suspect tests that the store holds now."""
    return _answers(path, *_suspect_tests(path))


@st.cache_data(max_entries=256, show_spinner=False)
def _answers(path: Path, suspect_tests: list[SuspectResult], n_deleted: int) -> AuditAnswers:
    return audit_answers(read_evidence(path, suspect_tests, n_deleted))


def _suspect_tests(path: Path) -> tuple[list[SuspectResult], int]:
    """Those of the audit's models that the store holds now, and how many were deleted."""
    store, pair = Store.default(), facts(path).meta.pair
    return suspect_tests_of(store, pair), n_deleted_tests(store, pair)


@st.cache_data(max_entries=64, show_spinner=False)
def layers(path: Path) -> pd.DataFrame:
    return read.read_layers(path)


@st.cache_data(max_entries=64, show_spinner=False)
def sources(path: Path) -> list[str]:
    return read.read_sources(path)


@st.cache_data(max_entries=64, show_spinner=False)
def objective(path: Path, strategies: tuple[Strategy, ...]) -> pd.DataFrame:
    return read.read_objective(path, strategies, _N_CURVE_POINTS)


def report(path: Path, with_documents: bool) -> str:
    """The report on an audit and on what else the store holds on its models, as of now."""
    store = Store.default()
    return _report(path, same_pair(store, path), tuple(repeats_of(store, path)), with_documents)


@st.cache_data(max_entries=16, show_spinner="Writing the report …")
def _report(path: Path, known: SamePair, repeats: tuple[Path, ...], with_documents: bool) -> str:
    from assay.core.report.render import render_report  # takes a second to import

    return render_report(Store.default(), path, known, repeats, with_documents)


def story(path: Path) -> str:
    """The presentation of an audit, with the suspect tests that the store holds now."""
    return _story(path, *_suspect_tests(path))


@st.cache_data(max_entries=16, show_spinner="Drawing the slides …")
def _story(path: Path, suspect_tests: list[SuspectResult], n_deleted: int) -> str:
    # The story reads the tests itself; here they decide whether it is told anew.
    from assay.core.report.story import render_story  # takes a second to import

    return render_story(Store.default(), path)


@st.cache_data(max_entries=128, show_spinner=False)
def selection(
    path: Path, strategy: Strategy, chosen: read.SelectionFilter, limit: int, offset: int
) -> read.SelectionPage:
    return read.read_selection(path, strategy, chosen, limit, offset)


_N_CURVE_POINTS = 400
# Of each document, as much names the map's regions.
_N_NAMING_CHARACTERS = 600


@st.cache_data(max_entries=8, show_spinner=False)
def places(path: Path) -> NDArray[np.float32]:
    return comparison.read_places(path)


@st.cache_data(max_entries=64, show_spinner=False)
def selected_places(path: Path, strategy: Strategy, limit: int) -> pd.DataFrame:
    return comparison.read_selected_places(path, strategy, limit)


@st.cache_data(max_entries=8, show_spinner=False)
def reference_places(path: Path, limit: int) -> pd.DataFrame:
    return comparison.read_reference_places(path, limit)


@st.cache_data(max_entries=8, show_spinner=False)
def hover(path: Path, n_characters: int, document_ids: tuple[int, ...] | None) -> pd.DataFrame:
    return map_documents.read_hover(path, n_characters, document_ids)


@st.cache_data(max_entries=32, show_spinner=False)
def matching(
    path: Path, chosen: read.SelectionFilter, selected_by: Strategy | None
) -> NDArray[np.int64]:
    return map_documents.read_matching(path, chosen, selected_by)


@st.cache_data(max_entries=16, show_spinner="Reading the regions' words …")
def regions(path: Path) -> list[Region]:
    """The map's regions, named by the starts of their documents."""
    everywhere = places(path)
    numbers = read_for_names(len(everywhere))
    texts = map_documents.read_starts(path, numbers.tolist(), _N_NAMING_CHARACTERS)
    return named_regions(everywhere[numbers], texts)


@st.cache_data(max_entries=64, show_spinner=False)
def overlap(path: Path) -> comparison.Overlap:
    return comparison.read_overlap(path)


@st.cache_data(max_entries=64, show_spinner=False)
def replacement_curve(path: Path) -> pd.DataFrame:
    return comparison.read_replacement_curve(path)


@st.cache_data(max_entries=64, show_spinner=False)
def random_objective(path: Path) -> pd.DataFrame:
    return comparison.read_random_objective(path, _N_CURVE_POINTS)


@st.cache_data(max_entries=64, show_spinner=False)
def label_counts(path: Path) -> pd.DataFrame:
    return comparison.read_label_counts(path)


@st.cache_data(max_entries=64, show_spinner=False)
def source_counts(path: Path) -> pd.DataFrame:
    return comparison.read_source_counts(path)
