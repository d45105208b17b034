"""`assay finetune`: make a final model whose training data is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.ending import Ending, end
from assay.core.cli.options import Running, as_job
from assay.core.cli.pair_commands import queue_this
from assay.core.specs.commands import FINETUNE
from assay.core.specs.training import FinetuneSpec

if TYPE_CHECKING:
    from assay.core.models.training_record import TrainingRecord

app = typer.Typer(add_completion=False)


@declared_command(app, FINETUNE)
def finetune(
    spec: FinetuneSpec,
    out: Annotated[Path, typer.Option(help="Folder to write the final model to.")],
    how: Running,
) -> None:
    """Fine-tune a model on data that you know, to check audits against."""
    from assay.core.audit.durations import finetune_plan
    from assay.core.audit.finetune import finetune as run
    from assay.core.runtime.device import choose_compute

    place, title = how.place, f"Fine-tune {out.name}"
    if how.queue:
        queue_this(place, title, how.as_json)
        return
    plan = finetune_plan(spec.data.sample, spec.training.n_epochs)
    with as_job(place, title, plan) as progress:
        record, was_there = run(
            spec, out, place.models, choose_compute(how.device, how.precision), progress
        )
    end(
        how.as_json,
        lambda: _ending(out, record, was_there),
        lambda: {
            "final": str(out),
            "was_there": was_there,
            "n_documents": record.n_documents,
            "labels": list(record.label_names),
            "train_loss": record.epochs[-1]["train_loss"],
            "epochs": list(record.epochs),
            "precision": record.precision,
        },
    )


def _ending(out: Path, record: TrainingRecord, was_there: bool) -> Ending:
    import pandas as pd

    from assay.core.findings.formatting import counted, decimal, listed

    n_documents = counted(record.n_documents, "document")
    labels = f", labelled {listed(record.label_names)}" if record.label_names else ""
    made = (
        "The model was there already, trained in the same way"
        if was_there
        else "The model was trained"
    )
    return Ending(
        [f"{made}: on {n_documents}{labels}."],
        pd.DataFrame(
            {
                "epoch": number,
                "loss while training": decimal(own["train_loss"]),
            }
            for number, own in enumerate(record.epochs, 1)
        ),
        [f"The final model is in {out}"],
    )
