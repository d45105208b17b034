"""`assay rank-corpora`: which of several public sets a weight difference points to."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli.asking import answer, candidate_data, known_data
from core.cli.options import (
    DeviceOption,
    JsonOption,
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
from core.specs import AuditSpec, CorporaSpec, Strategy, Task

app = typer.Typer()


@app.command()
def rank_corpora(
    base: Annotated[str, typer.Option(help="Model before fine-tuning: folder, hub or builtin.")],
    final: Annotated[str, typer.Option(help="Model after fine-tuning, or its LoRA adapter.")],
    corpus: Annotated[
        list[str], typer.Option(help="A candidate set, or decompression:NAME; repeat for each.")
    ],
    task: TaskOption = Task.CLASSIFICATION,
    documents: Annotated[
        int, typer.Option(min=2, help="Draw this many of each, at random.")
    ] = 1000,
    students: Annotated[
        int,
        typer.Option(min=0, help="Models to train on half of each: what the true set would reach."),
    ] = CorporaSpec.n_students,
    budget: Annotated[
        int, typer.Option(min=1, help="Documents to select from all of them together.")
    ] = 100,
    reference: Annotated[
        str | None, typer.Option(help="True fine-tuning data, for evaluation only.")
    ] = None,
    text_column: TextColumnOption = "text",
    prompt_column: PromptColumnOption = None,
    response_template: ResponseTemplateOption = None,
    label_column: Annotated[str, typer.Option(help="Label column of the reference.")] = "label",
    reference_sample: Annotated[int | None, typer.Option(help="As finetune --sample.")] = None,
    label_words: LabelWordsOption = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    title: Annotated[str, typer.Option(help="Shown in the dashboard.")] = "",
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: Annotated[bool, typer.Option("--queue", help="Run in the background.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask which of several public sets the final model was fine-tuned on, if any."""
    label = label_column if task is Task.CLASSIFICATION else None
    place = open_store(store)
    spec = AuditSpec(
        base=base,
        final=final,
        seed_corpus=tuple(
            candidate_data(one, place, text_column, prompt_column, documents) for one in corpus
        ),
        task=task,
        budget=budget,
        strategies=(Strategy.RANDOM, Strategy.SELECT),
        reference=known_data(reference, text_column, label, reference_sample, prompt_column),
        label_words=split_words(label_words),
        response_template=response_template,
        n_student_epochs=0,
        seed=seed,
        title=title,
        corpora=CorporaSpec(students),
    )
    answer(spec, place, device, precision, queue, as_json)
