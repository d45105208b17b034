"""Audits in a notebook: only sentences and numbers, with every character escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from assay.cache.audits.read import AuditFacts
from assay.core.findings.audit_tables import notes, strategy_table
from assay.core.findings.comparison import ComparisonFinding
from assay.core.findings.finding import Finding, MetricTable
from assay.core.findings.table_cells import as_text


def audit_as_html(audit_id: str, facts: AuditFacts, finding: Finding, metrics: pd.DataFrame) -> str:
    """The headline, its sentences, the table of strategies and the caveats; no documents' text."""
    parts = [
        f"<h3>{escape(facts.meta.title)}</h3>",
        f"<p>{escape(audit_id)} · {escape(facts.assessability.shown_as)}</p>",
        f"<p><strong>{escape(finding.headline)}</strong></p>",
        _list(finding.sentences),
    ]
    if len(metrics):
        rows = MetricTable(metrics.to_dict("records"))
        table = as_text(strategy_table(rows, facts.strategies))
        parts += [
            table.to_html(index=False, escape=True, border=0),
            f"<p><small>{escape(notes(rows, facts.strategies))}</small></p>",
        ]
    if facts.meta.caveats:
        parts += ["<p>Caveats:</p>", _list(facts.meta.caveats)]
    return _whole(parts)


def comparison_as_html(
    audits: Sequence[str], finding: ComparisonFinding, settings: str, differences: pd.DataFrame
) -> str:
    """The headline, how sure it is, the audits, and the table of differences."""
    parts = [
        f"<p><strong>{escape(finding.headline)}</strong> {escape(finding.certainty)}</p>",
        _list(tuple(audits)),
        f"<p>{escape(settings)}</p>",
        _list(finding.sentences),
    ]
    if len(differences):
        parts.append(as_text(differences).to_html(index=False, escape=True, border=0))
    return _whole(parts)


def _whole(parts: Sequence[str]) -> str:
    # Otherwise notebooks would render dollar signs as mathematics.
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'


def _list(sentences: list[str] | tuple[str, ...]) -> str:
    return f"<ul>{''.join(f'<li>{escape(str(one))}</li>' for one in sentences)}</ul>"
