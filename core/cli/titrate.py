"""`assay titrate`: what a selection locates as the leaked share of its pool grows."""

from __future__ import annotations

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    QueueOption,
    StoreOption,
    open_store,
)
from assay.core.cli.pair_commands import answer
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import TITRATE

app = typer.Typer()


@declared_command(app, TITRATE)
def titrate(
    spec: AuditSpec,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: QueueOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leak more and more of the training data, and measure what each strategy locates."""
    answer(spec, open_store(store), device, precision, queue, as_json)
