"""`assay.audit`: one audit from Python, the same as `assay audit` makes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from assay.cache.store import Store, open_store
from assay.core.api.audit import Audit
from assay.core.api.question import Documents, OneOrMore, question
from assay.core.specs.audit import AuditSpec, GradientLayers, InitialHead
from assay.core.specs.commands import command_line
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import TrainingSpec


def audit(
    base: str | os.PathLike[str],
    final: str | os.PathLike[str],
    seed_corpus: OneOrMore[Documents],
    *,
    n_candidates: int | None = None,
    task: Task | str = Task.CLASSIFICATION,
    budget: int = 500,
    strategies: OneOrMore[Strategy | str] | None = None,
    reference: Documents | None = None,
    test: Documents | None = None,
    held_out_source: str | None = None,
    label_words: Sequence[str] | None = None,
    training: TrainingSpec | None = None,
    n_student_epochs: int = 10,
    student_strategies: OneOrMore[Strategy | str] | None = None,
    n_random_students: int = 5,
    is_stopping_early: bool = True,
    n_checkpoints: int = 1,
    projection_dimension: int | None = None,
    gradient_layers: GradientLayers | str = GradientLayers.LAST_LAYER,
    initial_head: InitialHead | str = InitialHead.UNKNOWN,
    is_mapped: bool = True,
    response_template: str | None = None,
    seed: int = 0,
    title: str = "",
    text_column: str = "text",
    prompt_column: str | None = None,
    label_column: str = "label",
    label_names: Sequence[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    device: str | None = None,
    precision: str = "auto",
    progress: bool = True,
) -> Audit:
    """Find the documents of a seed corpus that a weight difference points to.

    The same options give the same audit as `assay audit`. It is computed once: if you ask again,
    the result is returned at once; after an interruption it continues.

    base, final: the model before and after fine-tuning: a folder, a GGUF file, a hub name or a
        built-in model; ``final`` may be a LoRA adapter.
    seed_corpus: public documents to search, from one place or several: a file, a folder, a hub
        data set, built-in text, or ``decompression:NAME``.
    n_candidates: keep this many of the seed corpus, at random.
    task: ``classification`` or ``sft``.
    budget: how many documents a strategy selects.
    strategies: how selections are made; default: all.
    reference: the real training documents, for evaluation only.
    test: labelled documents to test on.
    held_out_source: the source of the seed corpus with documents from the reference set's
        distribution that were never trained on.
    label_words: for causal models, one word for each label.
    training: how the final model was trained, except epochs and seed; default: as recorded by
        `assay finetune`.
    n_student_epochs: maximum number of epochs for each student; 0 trains no students.
    student_strategies: train students for these strategies only; default: all.
    n_random_students: number of students trained on random selections, to measure how much
        students differ by chance; with 1, students are not compared.
    is_stopping_early: keep a student's best epoch; otherwise its last.
    n_checkpoints: number of synthetic checkpoints between base and final model.
    projection_dimension: estimate inner products of gradients from a projection to this many
        dimensions.
    gradient_layers: ``last-layer``, ``last-block`` or ``changed``.
    initial_head: for a base without a classification head: ``unknown``, as for any outsider, or
        ``recorded`` by `assay finetune`, for evaluation only.
    is_mapped: draw a map of the documents with UMAP.
    response_template: for ``sft``, the text right before the response; only the response is scored.
    seed, title: of the audit.
    text_column, prompt_column, label_column: columns of all data; a ``DataRef``, or a place as
        ``FILE:text=COLUMN``, names its own.
    label_names: what the data's labels mean, if neither data nor model says so: names in the order
        of the numbers (from 0), or ``LABEL=NAME`` each.
    store: the folder where audits are stored; default: ASSAY_HOME.
    device, precision: ``cpu``, ``cuda``, …; ``auto``, ``bf16`` or ``fp32``.
    progress: whether to show progress on stderr.

    Unusable input raises InputError with the command line's sentence.
    """
    asked = {
        "base": base,
        "final": final,
        "seed_corpus": seed_corpus,
        "n_candidates": n_candidates,
        "task": task,
        "budget": budget,
        "strategies": strategies,
        "reference": reference,
        "test": test,
        "held_out_source": held_out_source,
        "label_words": label_words,
        "training": training,
        "n_student_epochs": n_student_epochs,
        "student_strategies": student_strategies,
        "n_random_students": n_random_students,
        "is_stopping_early": is_stopping_early,
        "n_checkpoints": n_checkpoints,
        "projection_dimension": projection_dimension,
        "gradient_layers": gradient_layers,
        "initial_head": initial_head,
        "is_mapped": is_mapped,
        "response_template": response_template,
        "seed": seed,
        "title": title,
    }
    place = open_store(Path(store) if store is not None else None)
    spec = question(asked, place, text_column, prompt_column, label_column, label_names)
    return Audit(_answered(spec, place, device, precision, progress), place)


def _answered(
    spec: AuditSpec, store: Store, device: str | None, precision: str, progress: bool
) -> Path:
    # Importing torch and transformers takes seconds, and reading an audit does not need them.
    from assay.core.audit.as_job import audit_as_job
    from assay.core.specs.audit_checks import check_audit

    check_audit(spec)

    how = ["--precision", precision, *(["--device", device] if device else [])]
    command = [*shlex.split(command_line(spec))[1:], *how]
    return audit_as_job(spec, store, device, precision, command, progress).path
