"""`assay rank-corpora`: which of several public sets a weight difference points to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
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
from assay.core.cli.pair_commands import answer, candidate_data, known_data
from assay.core.errors import InputError
from assay.core.findings.corpus_ranking import corpus_ranking_finding
from assay.core.specs.audit import AuditSpec, CorporaSpec, GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy

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
        int | None,
        typer.Option(
            min=0,
            help="Models to train on half of each: what the true set would reach, in the last "
            f"layer [default: {CorporaSpec.n_students}; of inner layers none].",
        ),
    ] = None,
    gradient_layers: GradientLayersOption = GradientLayers.LAST_LAYER,
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
    label_names: LabelNamesOption = None,
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
    is_last = gradient_layers is GradientLayers.LAST_LAYER
    if students and not is_last:
        # Such a pair is most often an adapter's; models trained whole would reach more than its
        # true set could, and so speak against it.
        raise InputError(
            "--students with gradients of the last layer only",
            f"{students} with --gradient-layers {gradient_layers}",
            "leave out one of them",
        )
    n_students = CorporaSpec.n_students if students is None and is_last else students or 0
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
        reference=known_data(
            reference, text_column, label, reference_sample, prompt_column, label_names
        ),
        label_words=split_words(label_words),
        response_template=response_template,
        n_student_epochs=0,
        seed=seed,
        title=title,
        corpora=CorporaSpec(n_students),
        gradient_layers=gradient_layers,
    )
    answer(spec, place, device, precision, queue, as_json, _what_it_says)


def _what_it_says(path: Path) -> dict[str, Any]:
    """The page's sentences; nothing where the pair could not be assessed."""
    groups, students = read_groups(path), read_source_students(path)
    if groups.empty:
        return {}
    sources = groups[groups["kind"] == "source"].to_dict("records")
    found = corpus_ranking_finding(sources, students.to_dict("records"))
    return {"says": [found.headline, *found.sentences]}
