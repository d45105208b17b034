"""Commands that compute: demo, finetune, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli.asking import answer, candidate_data, known_data, outcome_of, training_given
from core.cli.options import (
    DeviceOption,
    GradientLayersOption,
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
from core.cli.shelf import serve_dashboard
from core.specs import (
    AuditSpec,
    DataRef,
    FinetuneSpec,
    GradientLayers,
    Optimizer,
    Strategy,
    Task,
    TrainingSpec,
    strategies_for,
)

app = typer.Typer()


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard afterwards.")] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
    port: Annotated[int | None, typer.Option(help="Port of the dashboard.")] = None,
) -> None:
    """Audit a small model made here, offline, then serve the dashboard."""
    from core.audit.demo import DEMO_PLAN, run_demo

    place = open_store(store)
    with as_job(place, "Embedded demo", DEMO_PLAN, ["demo", "--no-serve"]) as progress:
        outcome = run_demo(place, progress)
    say(outcome_of(outcome), as_json)
    if serve:
        serve_dashboard(place, port)


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
    from core.audit.finetune import finetune as run
    from core.audit.plan import finetune_plan
    from core.device import choose_compute

    decay = optimizer.usual_decay if weight_decay is None else weight_decay
    training = TrainingSpec(
        optimizer, learning_rate, batch_size, epochs, decay, momentum, max_tokens, seed
    )
    is_labelled = task is Task.CLASSIFICATION
    ref = DataRef(data, text_column, label_column if is_labelled else None, sample, prompt_column)
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


@app.command()
def audit(
    base: Annotated[
        str, typer.Option(help="Model before fine-tuning: folder, GGUF, hub name or builtin.")
    ],
    final: Annotated[str, typer.Option(help="Model after fine-tuning, or its LoRA adapter.")],
    seed_corpus: Annotated[
        list[str],
        typer.Option(
            help="Public candidates; repeat for several. FILE#SPLIT works, and decompression:NAME "
            "for what a decompressed model said."
        ),
    ],
    task: TaskOption = Task.CLASSIFICATION,
    budget: Annotated[int, typer.Option(help="How many documents a strategy selects.")] = 500,
    reference: Annotated[
        str | None, typer.Option(help="True fine-tuning data, for evaluation only.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Labelled documents to test on.")] = None,
    strategy: Annotated[
        list[Strategy] | None, typer.Option(help="Repeat for several [default: all].")
    ] = None,
    text_column: TextColumnOption = "text",
    prompt_column: PromptColumnOption = None,
    response_template: ResponseTemplateOption = None,
    label_column: Annotated[
        str, typer.Option(help="Label column of reference and test.")
    ] = "label",
    candidates: Annotated[
        int | None, typer.Option(help="Keep this many of the seed corpus, at random.")
    ] = None,
    reference_sample: Annotated[int | None, typer.Option(help="As finetune --sample.")] = None,
    test_sample: Annotated[int | None, typer.Option()] = None,
    held_out_source: Annotated[
        str | None,
        typer.Option(help="The corpus (file stem) of documents like the reference, not used."),
    ] = None,
    label_words: LabelWordsOption = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="Of the final model.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0)] = None,
    momentum: Annotated[float | None, typer.Option(min=0)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1)] = None,
    student_epochs: Annotated[
        int, typer.Option(min=0, help="At most, per student; 0 trains none.")
    ] = 10,
    early_stopping: Annotated[
        bool, typer.Option(help="Keep a student's best epoch, else its last.")
    ] = True,
    checkpoints: Annotated[int, typer.Option(help="Synthetic checkpoints.")] = 1,
    projection_dimension: Annotated[
        int | None,
        typer.Option(
            help="Estimate products between gradients from so many dimensions [default: exact "
            "where they can be, else 4096]."
        ),
    ] = None,
    gradient_layers: GradientLayersOption = GradientLayers.LAST_LAYER,
    is_mapped: Annotated[
        bool, typer.Option("--map/--no-map", help="Lay documents out in one plane by UMAP.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    title: Annotated[str, typer.Option(help="Shown in the dashboard.")] = "",
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: Annotated[bool, typer.Option("--queue", help="Run in the background.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the documents of a seed corpus that a weight difference points to."""
    label = label_column if task is Task.CLASSIFICATION else None
    place = open_store(store)
    given = {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "weight_decay": weight_decay,
        "momentum": momentum,
        "max_tokens": max_tokens,
    }
    spec = AuditSpec(
        base=base,
        final=final,
        seed_corpus=tuple(
            candidate_data(corpus, place, text_column, prompt_column) for corpus in seed_corpus
        ),
        n_candidates=candidates,
        task=task,
        budget=budget,
        strategies=tuple(strategy or strategies_for(task)),
        reference=known_data(reference, text_column, label, reference_sample, prompt_column),
        test=known_data(test, text_column, label, test_sample, prompt_column),
        held_out_source=held_out_source,
        label_words=split_words(label_words),
        training=training_given(base, final, place, given),
        n_student_epochs=student_epochs,
        is_stopping_early=early_stopping,
        n_checkpoints=checkpoints,
        projection_dimension=projection_dimension,
        gradient_layers=gradient_layers,
        is_mapped=is_mapped,
        response_template=response_template,
        seed=seed,
        title=title,
    )
    answer(spec, place, device, precision, queue, as_json)
