"""`assay rank-corpora`: which of several public corpora a weight difference points to."""

from __future__ import annotations

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import RunningAudit
from assay.core.cli.pair_commands import answer
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import RANK_CORPORA

app = typer.Typer(add_completion=False)


@declared_command(app, RANK_CORPORA)
def rank_corpora(
    spec: AuditSpec,
    how: RunningAudit,
) -> None:
    """Find which of several public corpora, if any, the final model was fine-tuned on."""
    answer(spec, how)
