"""`assay finetune`: a final model whose training data is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    StoreOption,
    as_job,
    open_store,
    say,
)
from assay.core.specs.commands import FINETUNE
from assay.core.specs.training import FinetuneSpec

app = typer.Typer()


@declared_command(app, FINETUNE)
def finetune(
    spec: FinetuneSpec,
    out: Annotated[Path, typer.Option(help="Folder to write the final model to.")],
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a final model whose training data is known."""
    from assay.core.audit.durations import finetune_plan
    from assay.core.audit.finetune import finetune as run
    from assay.core.runtime.device import choose_compute

    place = open_store(store)
    plan = finetune_plan(spec.data.sample, spec.training.n_epochs)
    with as_job(place, f"Fine-tune {out.name}", plan) as progress:
        record, was_there = run(
            spec, out, place.models, choose_compute(device, precision), progress
        )
    say(
        {
            "final": str(out),
            "was_there": was_there,
            "n_documents": record.n_documents,
            "labels": list(record.label_names),
            "train_loss": record.epochs[-1]["train_loss"],
        },
        as_json,
    )
