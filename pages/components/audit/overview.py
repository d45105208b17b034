"""The parts of the Overview page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.audits.read import AuditFacts
from assay.cache.export import of_audit
from assay.core.findings.audit_tables import (
    MEMBERSHIP,
    MEMBERSHIP_NOTE,
    charted,
    membership_table,
    references,
)
from assay.core.findings.beside_random import few_draws_sentence
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import capitalized
from assay.core.findings.named_facts import fact_table
from assay.core.findings.table_cells import as_numbers, as_text
from assay.core.specs.strategies import Strategy
from assay.pages.components.charts import dot_plot, show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import export_line, exported_table
from assay.pages.components.new_job.again import offer_again, settings_of_spec


def show_charts(rows: MetricTable, strategies: Iterable[Strategy]) -> None:
    """Two dot plots: how good the students are, and how near the selections come."""
    ran = list(strategies)
    for column, metric in zip(st.columns(2), charted(rows, ran, 2), strict=False):
        title = metric.info.title
        with column:
            st.subheader(title, anchor=False)
            own = {s: row for s in ran if (row := rows.get(s, metric))}
            figure = dot_plot(own, references(rows, metric, own), metric.info)
            show_chart(figure, key=f"chart-{metric}", alt=title)
            band = any(
                pd.notna(row["null_low"]) and row["null_high"] > row["null_low"]
                for row in own.values()
            )
            first = next(iter(own.values()))
            st.caption(
                capitalized(metric.info.direction)
                + (
                    f"; grey band: {markdown_safe(first['null_kind'])}. {few_draws_sentence(first)}"
                    if band
                    else "; bars: 95% intervals."
                )
            )


def show_membership(path: Path, rows: MetricTable, strategies: Iterable[Strategy]) -> None:
    """Domain and membership apart; nothing where no held-out half is known."""
    table = membership_table(rows, strategies)
    if table.empty:
        return
    st.subheader("Domain or membership", anchor=False)
    exported_table(
        of_audit(path),
        "membership",
        table,
        note=MEMBERSHIP_NOTE,
        column_config={
            f"{metric.info.column}: {short}": st.column_config.TextColumn(short)
            for metric in MEMBERSHIP
            for short in ("by chance", "p")
        },
    )


def show_caveats(facts: AuditFacts) -> None:
    """What the reader must know before believing the numbers."""
    # The first reason stands above the answers.
    shown = facts.meta.assessment.reasons[:1]
    caveats = [one for one in facts.meta.caveats if one not in shown]
    if caveats:
        st.subheader("Caveats", anchor=False)
        for caveat in caveats:
            st.write(f"- {markdown_safe(caveat)}")


def show_provenance(path: Path, facts: AuditFacts) -> None:
    """What was run on what, and the command that repeats it."""
    provenance = dict(facts.meta.provenance)
    with st.expander("Provenance", icon=":material/fingerprint:"):
        st.write("Command to repeat this audit:")
        st.code(provenance.pop("command"), language=None, wrap_lines=True)
        offer_again(settings_of_spec(facts.spec), "again")
        packages = provenance.pop("packages")
        durations = facts.stages.round(1).itertuples(index=False)
        tables = {
            "Models and data": fact_table(
                {**facts.meta.counts.as_known(), **provenance, **facts.models.by_name()}
            ),
            "How students were trained": fact_table(asdict(facts.meta.training)),
            "Durations, s": fact_table({row.name: row.duration_s for row in durations}),
            "Packages": fact_table(packages),
        }
        left, right = st.columns(2)
        for column, (title, table) in zip((left, right, right, right), tables.items(), strict=True):
            column.write(title)
            column.dataframe(as_text(table), hide_index=True, placeholder="—")
        export_line(
            of_audit(path),
            "provenance",
            as_numbers(pd.concat(tables, names=["about"]).reset_index("about")),
        )
