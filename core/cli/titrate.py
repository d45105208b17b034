"""`assay titrate`: how many documents a selection locates as the leaked share of its pool grows."""

from __future__ import annotations

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import RunningAudit
from assay.core.cli.pair_commands import answer
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import TITRATE

app = typer.Typer(add_completion=False)


@declared_command(app, TITRATE)
def titrate(
    spec: AuditSpec,
    how: RunningAudit,
) -> None:
    """Measure how well each strategy locates training documents as more leak into the pool."""
    answer(spec, how)
