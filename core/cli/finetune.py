"""`assay finetune`: a final model whose training data is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    LabelWordsOption,
    PrecisionOption,
    PromptColumnOption,
    ResponseTemplateOption,
    StoreOption,
    TaskOption,
    TextColumnOption,
    as_job,
    open_store,
    say,
    split_words,
)
from assay.core.data.place import data_ref
from assay.core.specs.data import Task
from assay.core.specs.training import FinetuneSpec, Optimizer, TrainingSpec

app = typer.Typer()


@app.command()
def finetune(
    base: Annotated[str, typer.Option(help="Base model: folder, GGUF, hub name or builtin.")],
    data: Annotated[str, typer.Option(help="Training data: file, folder, hub set or builtin.")],
    out: Annotated[Path, typer.Option(help="Folder to write the final model to.")],
    task: TaskOption = Task.CLASSIFICATION,
    text_column: TextColumnOption = "text",
    prompt_column: PromptColumnOption = None,
    response_template: ResponseTemplateOption = None,
    label_column: Annotated[str, typer.Option(help="The column that holds the label.")] = "label",
    sample: Annotated[int | None, typer.Option(help="Train on this many, at random.")] = None,
    optimizer: Annotated[Optimizer, typer.Option()] = Optimizer.ADAM,
    learning_rate: Annotated[float, typer.Option()] = TrainingSpec.learning_rate,
    batch_size: Annotated[int, typer.Option(min=1)] = TrainingSpec.batch_size,
    epochs: Annotated[int, typer.Option(min=1)] = TrainingSpec.n_epochs,
    weight_decay: Annotated[
        float | None, typer.Option(min=0, help="[default: 0.01 for adamw, else 0]")
    ] = None,
    momentum: Annotated[float, typer.Option(min=0, help="For sgd.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=1)] = TrainingSpec.max_tokens,
    label_words: LabelWordsOption = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a final model whose training data is known."""
    from assay.core.audit.durations import finetune_plan
    from assay.core.audit.finetune import finetune as run
    from assay.core.runtime.device import choose_compute

    decay = optimizer.usual_decay if weight_decay is None else weight_decay
    training = TrainingSpec(
        optimizer, learning_rate, batch_size, epochs, decay, momentum, max_tokens, seed
    )
    is_labelled = task is Task.CLASSIFICATION
    ref = data_ref(data, text_column, label_column if is_labelled else None, sample, prompt_column)
    spec = FinetuneSpec(base, ref, training, task, split_words(label_words), response_template)
    place = open_store(store)
    with as_job(place, f"Fine-tune {out.name}", finetune_plan(sample, epochs)) as progress:
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
