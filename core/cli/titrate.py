"""`assay titrate`: what a selection locates as the leaked share of its pool grows."""

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
from assay.core.cli.pair_commands import answer, known_data, training_given
from assay.core.data.place import data_ref
from assay.core.specs.audit import AuditSpec, GradientLayers, TitrationSpec
from assay.core.specs.data import DataRef, Role, Task
from assay.core.specs.strategies import CONTROLS, Strategy, strategies_for
from assay.core.specs.training import Optimizer

app = typer.Typer()


@app.command()
def titrate(
    base: Annotated[str, typer.Option(help="Model before fine-tuning: folder, hub or builtin.")],
    final: Annotated[str, typer.Option(help="Model after fine-tuning.")],
    reference: Annotated[str, typer.Option(help="All it was trained on.")],
    held_out: Annotated[
        str, typer.Option(help="Documents drawn like the reference set, never trained on.")
    ],
    out_of_domain: Annotated[
        list[str], typer.Option(help="Documents of another kind; repeat for several.")
    ],
    task: TaskOption = Task.CLASSIFICATION,
    leaked_share: Annotated[
        list[float] | None,
        typer.Option(
            help="Share of the reference set in the pool; repeat for several [default: 0, 0.1, "
            "0.25, 0.5, 0.75 and 1]."
        ),
    ] = None,
    budget: Annotated[
        list[int] | None,
        typer.Option(help="Documents to select; repeat for several [default: 500]."),
    ] = None,
    strategy: Annotated[
        list[Strategy] | None,
        typer.Option(help="Repeat for several; random and P-min always are [default: all]."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Draws of each share, from --seed on.")] = 3,
    students: Annotated[
        bool, typer.Option("--students", help="Train a student for every cell; needs --test.")
    ] = False,
    test: Annotated[str | None, typer.Option(help="Labelled documents to test on.")] = None,
    text_column: TextColumnOption = "text",
    prompt_column: PromptColumnOption = None,
    response_template: ResponseTemplateOption = None,
    label_column: Annotated[
        str, typer.Option(help="Label column of reference and test.")
    ] = "label",
    label_names: LabelNamesOption = None,
    reference_sample: Annotated[int | None, typer.Option(help="As finetune --sample.")] = None,
    held_out_sample: Annotated[
        int | None, typer.Option(help="Keep this many; those of the reference are dropped after.")
    ] = None,
    out_of_domain_sample: Annotated[
        int | None, typer.Option(help="Keep this many of each.")
    ] = None,
    test_sample: Annotated[int | None, typer.Option()] = None,
    label_words: LabelWordsOption = None,
    optimizer: Annotated[Optimizer | None, typer.Option(help="Of the final model.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0)] = None,
    momentum: Annotated[float | None, typer.Option(min=0)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1)] = None,
    student_epochs: Annotated[int, typer.Option(min=1, help="At most, per student.")] = 10,
    early_stopping: Annotated[
        bool, typer.Option(help="Keep a student's best epoch, else its last.")
    ] = True,
    checkpoints: Annotated[int, typer.Option(help="Synthetic checkpoints.")] = 1,
    gradient_layers: GradientLayersOption = GradientLayers.LAST_LAYER,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    title: Annotated[str, typer.Option(help="Shown in the dashboard.")] = "",
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: Annotated[bool, typer.Option("--queue", help="Run in the background.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leak more and more of the training data, and measure what each strategy locates."""
    grid = TitrationSpec(
        tuple(dict.fromkeys(leaked_share or TitrationSpec.leaked_shares)),
        tuple(dict.fromkeys(budget or TitrationSpec.budgets)),
        seeds,
    )
    training = {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "weight_decay": weight_decay,
        "momentum": momentum,
        "max_tokens": max_tokens,
    }
    place = open_store(store)
    label = label_column if task is Task.CLASSIFICATION else None

    def corpus(location: str, sample: int | None, role: Role) -> DataRef:
        return data_ref(location, text_column, None, sample, prompt_column, role)

    spec = AuditSpec(
        base=base,
        task=task,
        response_template=response_template,
        final=final,
        seed_corpus=(
            corpus(reference, reference_sample, Role.TRAINED),
            corpus(held_out, held_out_sample, Role.HELD_OUT),
            *(corpus(place, out_of_domain_sample, Role.OUT_OF_DOMAIN) for place in out_of_domain),
        ),
        budget=max(grid.budgets),
        strategies=tuple(
            s for s in Strategy if s in {*(strategy or strategies_for(task)), *CONTROLS}
        ),
        reference=known_data(
            reference, text_column, label, reference_sample, prompt_column, label_names
        ),
        test=known_data(test, text_column, label, test_sample, prompt_column, label_names),
        held_out_source=Role.HELD_OUT,
        label_words=split_words(label_words),
        training=training_given(base, final, place, training),
        n_student_epochs=student_epochs if students else 0,
        is_stopping_early=early_stopping,
        n_checkpoints=checkpoints,
        gradient_layers=gradient_layers,
        seed=seed,
        title=title,
        titration=grid,
    )
    answer(spec, place, device, precision, queue, as_json)
