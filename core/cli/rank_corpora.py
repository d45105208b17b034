"""`assay rank-corpora`: which of several public corpora a weight difference points to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import RunningOrQueued
from assay.core.cli.pair_commands import answer
from assay.core.findings.initial_head import with_insiders_view
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import RANK_CORPORA

app = typer.Typer(add_completion=False)


@declared_command(app, RANK_CORPORA)
def rank_corpora(
    spec: AuditSpec,
    how: RunningOrQueued,
) -> None:
    """Find which of several public corpora, if any, the final model was fine-tuned on."""
    answer(spec, how, _what_it_says)


def _what_it_says(path: Path) -> dict[str, Any]:
    """The page's sentences; none if the pair could not be assessed."""
    from assay.cache.audits.corpus_ranking import read_groups, read_source_students
    from assay.cache.audits.read import read_facts
    from assay.core.findings.corpus_ranking import corpus_ranking_finding

    groups, students = read_groups(path), read_source_students(path)
    if groups.empty:
        return {}
    sources = groups[groups["kind"] == "source"].to_dict("records")
    found = with_insiders_view(
        corpus_ranking_finding(sources, students.to_dict("records")), read_facts(path).meta
    )
    return {"says": [found.headline, *found.sentences]}
