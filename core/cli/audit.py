"""`assay audit`: the documents of a seed corpus that a weight difference points to."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.core.cli.options import (
    DeviceOption,
    GradientLayersOption,
    JsonOption,
    LabelNamesOption,
    LabelWordsOption,
    PrecisionOption,
    PromptColumnOption,
    ResponseTemplateOption,
    StoreOption,
    TaskOption,
    TextColumnOption,
    open_store,
    split_words,
)
from assay.core.cli.pair_commands import answer, candidate_data, known_data, training_given
from assay.core.specs.audit import AuditSpec, GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy, strategies_for
from assay.core.specs.training import Optimizer

app = typer.Typer()


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
    label_names: LabelNamesOption = None,
    reference_sample: Annotated[int | None, typer.Option(help="As finetune --sample.")] = None,
    test_sample: Annotated[int | None, typer.Option()] = None,
    held_out_source: Annotated[
        str | None,
        typer.Option(
            help="The corpus (file or its name) of documents like the reference, not used."
        ),
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
        reference=known_data(
            reference, text_column, label, reference_sample, prompt_column, label_names
        ),
        test=known_data(test, text_column, label, test_sample, prompt_column, label_names),
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
