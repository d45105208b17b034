"""All audits of the store: what they found, find one, open, delete."""

from __future__ import annotations

import streamlit as st

from assay.cache.audits.read import list_audits
from assay.cache.experiments.cells import cells_by_experiment
from assay.cache.jobs import JobTable
from assay.cache.store import Store
from assay.pages.components.asked_for import accept_switch
from assay.pages.components.navigation import enter, page_file
from assay.pages.components.page_table import PAGES
from assay.pages.components.paging import first_row
from assay.pages.components.store.audit_list import (
    ROWS_PER_PAGE,
    audit_lines,
    choose_lines,
    show_line,
)
from assay.pages.components.store.first_steps import show_active_jobs, show_first_steps

enter()

_CELLS = "Show audits of experiments"

st.title("Audits")
table = JobTable(Store.default())
show_active_jobs(Store.default())
summaries = list_audits(Store.default())
if not summaries:
    show_first_steps(Store.default())
if len(summaries) > 1:
    st.page_link(page_file("compare"), label="Compare audits", icon=PAGES["compare"].icon)
experiments = {
    audit_id: name
    for name, audit_ids in cells_by_experiment(Store.default()).items()
    for audit_id in audit_ids
}
n_cells = sum(one.audit_id in experiments for one in summaries)
accept_switch("cells", _CELLS)
is_showing_cells = bool(n_cells) and st.toggle(
    f"{_CELLS} ({n_cells:,})", key="cells", bind="query-params"
)
offered = [one for one in summaries if is_showing_cells or one.audit_id not in experiments]
lines = audit_lines(offered, experiments, table.all())
chosen = choose_lines(lines) if len(lines) > 1 else lines
if lines and not chosen:
    st.info("No audit matches the search and filters.", icon=":material/filter_alt_off:")
first = first_row(len(chosen), ROWS_PER_PAGE, "audit") if chosen else 0
for line in chosen[first : first + ROWS_PER_PAGE]:
    show_line(line)
