"""Which audit is looked at: the choice at the top of the sidebar, the address, and the visit."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from assay.cache.audits import read
from assay.cache.experiments.cells import cells_by_experiment
from assay.cache.store import Store
from assay.pages.components.address import AUDIT
from assay.pages.components.labels import distinct_labels
from assay.pages.components.page_table import PAGES, PageEntry

_LAST = "last_audit"
_CHOOSER = "chosen audit"
_OPEN = "open the audit"


@dataclass(frozen=True)
class Choice:
    """The audit that links lead to."""

    audit_id: str
    title: str


def choose_audit(page: PageEntry) -> Choice | None:
    """Let the visitor choose; None where the store has no audit that can be read, or the address
    names none that exists.

    On a page about an audit the address names it, so that every view is a link and Back goes to
    the audit before; elsewhere choosing one opens its Overview.
    """
    store = Store.default()
    sound = {one.audit_id: one for one in read.list_audits(store) if one.problem is None}
    if not sound:
        return None
    asked = st.query_params.get(AUDIT) if page.needs_audit else None
    last = st.session_state.get(_LAST)
    offered = _offered(store, sound, asked or last)
    chosen = asked or (last if last in offered else next(iter(offered)))
    # The choice follows the address, also where Back changed it or it names no audit.
    st.session_state[_CHOOSER] = chosen if chosen in offered else None
    labels = distinct_labels({name: one.title for name, one in offered.items()})
    st.selectbox(
        "Audit",
        list(offered),
        index=0 if chosen in offered else None,
        key=_CHOOSER,
        placeholder="Choose an audit",
        format_func=labels.__getitem__,
        on_change=_choose,
        args=(page.needs_audit,),
    )
    if chosen not in offered:
        return None
    if st.session_state.pop(_OPEN, False):
        st.switch_page(PAGES["overview"].file, query_params={AUDIT: chosen})
    st.session_state[_LAST] = chosen
    # Kept in the address by hand: what is the newest audit today may not be tomorrow.
    if page.needs_audit and asked is None:
        st.query_params[AUDIT] = chosen
    return Choice(chosen, sound[chosen].title)


def last_looked_at() -> str | None:
    """The audit that the visitor looked at last, on any page."""
    last: str | None = st.session_state.get(_LAST)
    return last


def _choose(names_it: bool) -> None:
    chosen = st.session_state[_CHOOSER]
    if chosen is None:  # cleared: the address still says which
        return
    st.session_state[_LAST] = chosen
    if names_it:
        st.query_params[AUDIT] = chosen
    else:
        st.session_state[_OPEN] = True


def _offered(
    store: Store, summaries: dict[str, read.AuditSummary], looked_at: str | None
) -> dict[str, read.AuditSummary]:
    """Audits to choose among: those of no experiment and, beside a cell, its experiment's; all
    where there are no others."""
    cells = list(cells_by_experiment(store).values())
    hidden = frozenset[str]().union(*(own for own in cells if looked_at not in own))
    hidden -= frozenset[str]().union(*(own for own in cells if looked_at in own))
    return {name: one for name, one in summaries.items() if name not in hidden} or summaries
