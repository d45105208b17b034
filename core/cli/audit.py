"""`assay audit`: the documents of a seed corpus that a weight difference points to."""

from __future__ import annotations

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import RunningAudit
from assay.core.cli.pair_commands import answer
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import AUDIT

app = typer.Typer(add_completion=False)


@declared_command(app, AUDIT)
def audit(
    spec: AuditSpec,
    how: RunningAudit,
) -> None:
    """Find the documents of a seed corpus that a weight difference points to."""
    answer(spec, how)
