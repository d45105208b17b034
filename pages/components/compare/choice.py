"""Which audits are compared: the choice at the top of the page, kept in the address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from assay.cache.audits import read
from assay.cache.store import Store
from assay.core.comparison.audits import MAX_AUDITS, MIN_AUDITS
from assay.core.findings.comparison import letter
from assay.core.findings.formatting import counted
from assay.pages.components.audit import reads
from assay.pages.components.audit.chooser import last_looked_at
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.job_offer import offer_job
from assay.pages.components.labels import distinct_labels
from assay.pages.components.page_table import PAGES
from assay.pages.components.store.first_steps import show_active_jobs, show_first_steps

AUDITS = "audits"
_CHOOSER = "compared audits"


def chosen_audits() -> list[Path]:
    """Two or more audits, as the address names them; the page ends here with fewer."""
    store = Store.default()
    sound = {one.audit_id: one for one in read.list_audits(store) if one.problem is None}
    if len(sound) < MIN_AUDITS:
        _say_too_few(store, len(sound))
        st.stop()
    asked = _asked()
    known = [name for name in asked if name in sound][:MAX_AUDITS]
    _say_what_is_missing([name for name in asked if name not in sound], asked)
    # The choice follows the address, also where Back changed it.
    st.session_state[_CHOOSER] = known
    st.multiselect(
        "Audits to compare",
        list(sound),
        key=_CHOOSER,
        format_func=distinct_labels({k: one.title for k, one in sound.items()}).__getitem__,
        max_selections=MAX_AUDITS,
        placeholder="Choose two to eight audits",
        on_change=_keep_choice,
        help="The others are compared with the first. The address keeps the choice.",
    )
    if len(known) < MIN_AUDITS:
        st.info(
            "Choose two to eight audits. The others are compared with the first.",
            icon=":material/compare_arrows:",
        )
        st.stop()
    return [read.audit_path(store, name) for name in known]


def show_legend(paths: Sequence[Path]) -> None:
    """What is called A, B, C …, each with a link to its Overview."""
    for i, path in enumerate(paths):
        facts = reads.facts(path)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{letter(i)}**", width="content")
            st.page_link(
                "pages/overview.py",
                label=markdown_safe(facts.meta.title),
                query_params={"audit": path.stem},
            )
            st.caption(
                f"{facts.meta.counts.n_documents:,} documents · budget {facts.spec.budget:,} · "
                f"{markdown_safe(facts.meta.created_at[:10])}",
                width="content",
            )


def _asked() -> list[str]:
    """What the address names; else the audit that was looked at last."""
    if AUDITS not in st.query_params:
        last = last_looked_at()
        return [last] if last else []
    return list(dict.fromkeys(filter(None, st.query_params[AUDITS].split(","))))


def _say_too_few(store: Store, n_sound: int) -> None:
    """What a comparison needs, and how to get it."""
    if not read.list_audits(store):
        st.caption("Shows how audits differ, and how sure that is. A comparison takes two or more.")
        show_active_jobs(store)
        show_first_steps(store)
        return
    st.info(
        f"This store has {counted(n_sound, 'readable audit')}; a comparison takes two or more.",
        icon=":material/info:",
    )
    st.page_link(PAGES["audits"].file, label="Audits", icon=PAGES["audits"].icon)
    offer_job("audit", "New audit", "assay audit --base BASE --final FINAL --seed-corpus POOL")


def _say_what_is_missing(missing: Sequence[str], asked: Sequence[str]) -> None:
    if missing:
        shown = ", ".join(name[:80] for name in missing[:MAX_AUDITS])
        st.warning(
            markdown_safe(f"This store has no readable audit named {shown}."),
            icon=":material/search_off:",
        )
    if len(asked) - len(missing) > MAX_AUDITS:
        st.warning(f"Only the first {MAX_AUDITS} audits are compared.", icon=":material/info:")


def _keep_choice() -> None:
    st.query_params[AUDITS] = ",".join(st.session_state[_CHOOSER])
