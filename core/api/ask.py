"""`assay.audit`: one audit from Python, the same as `assay audit` makes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import TypedDict, Unpack

from assay.cache.store import Store, open_store
from assay.core.api.audit import Audit
from assay.core.api.question import Documents, OneOrMore, question
from assay.core.specs.audit import AuditSpec, GradientLayers, InitialHead
from assay.core.specs.commands import AUDIT, command_line
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import StudentAdapter, TrainingSpec


class Settings(TypedDict, total=False):
    """The settings of ``audit``, which explains each; the defaults are those of the spec."""

    n_candidates: int | None
    task: Task | str
    budget: int
    strategies: OneOrMore[Strategy | str] | None
    reference: Documents | None
    test: Documents | None
    held_out_source: str | None
    label_words: Sequence[str] | None
    training: TrainingSpec | None
    n_student_epochs: int
    student_strategies: OneOrMore[Strategy | str] | None
    leaked_shares: Sequence[float] | None
    n_random_students: int
    is_stopping_early: bool
    student_adapter: StudentAdapter | str
    n_checkpoints: int
    projection_dimension: int | None
    gradient_layers: GradientLayers | str
    initial_head: InitialHead | str
    is_mapped: bool
    response_template: str | None
    seed: int
    title: str
    text_column: str
    prompt_column: str | None
    label_column: str
    label_names: Sequence[str] | None
    store: str | os.PathLike[str] | None
    device: str | None
    precision: str
    progress: bool


def audit(
    base: str | os.PathLike[str],
    final: str | os.PathLike[str],
    seed_corpus: OneOrMore[Documents],
    **settings: Unpack[Settings],
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
    leaked_shares: also measure what every strategy locates when only these shares of the training
        documents are in the seed corpus; needs ``reference`` and ``held_out_source``.
    n_random_students: number of students trained on random selections, to measure how much
        students differ by chance; with 1, students are not compared.
    is_stopping_early: keep a student's best epoch; otherwise its last.
    student_adapter: ``none``, or ``lora`` to train students with less memory, which deviates from
        the method.
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
    device, precision: ``cpu``, ``cuda``, …, or ``all`` to split models that one card cannot hold;
        ``auto``, ``bf16`` or ``fp32``.
    progress: whether to show progress on stderr.

    Unusable input raises InputError with the command line's sentence.
    """
    given = _SIGNATURE.bind(base, final, seed_corpus, **settings)
    given.apply_defaults()
    asked = {one.name: given.arguments.pop(one.name) for one in _OF_SPEC}
    store, device, precision, progress = (given.arguments.pop(name) for name in _HOW)
    place = open_store(Path(store) if store is not None else None)
    # The rest is about how documents are read.
    spec = question(asked, place, **given.arguments)
    return Audit(_answered(spec, place, device, precision, progress), place)


# Fields of the spec that this function sets; the others belong to other commands.
_OF_SPEC = [
    one
    for one in fields(AuditSpec)
    if one.name in Settings.__annotations__ or one.name in ("base", "final", "seed_corpus")
]
_HOW = {"store": None, "device": None, "precision": "auto", "progress": True}


def _signature() -> Signature:
    """Every setting with its default, as `help` and editors show it."""
    columns = {one.name: one.default for one in AUDIT.options}
    # The strategies depend on the task.
    usual = columns | {one.name: one.default for one in _OF_SPEC} | _HOW | {"strategies": None}
    named = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=audit.__annotations__[name])
        for name in ("base", "final", "seed_corpus")
    ]
    kind = Parameter.KEYWORD_ONLY
    settings = [
        Parameter(name, kind, default=usual[name], annotation=hint.__forward_arg__)
        for name, hint in Settings.__annotations__.items()
    ]
    return Signature([*named, *settings], return_annotation=Audit)


_SIGNATURE = _signature()
audit.__signature__ = _SIGNATURE  # type: ignore[attr-defined]


def _answered(
    spec: AuditSpec, store: Store, device: str | None, precision: str, progress: bool
) -> Path:
    # Importing torch and transformers takes seconds, and reading an audit does not need them.
    from assay.core.audit.as_job import audit_as_job
    from assay.core.specs.audit_checks import check_audit, check_device

    check_audit(spec)
    check_device(spec, device)

    how = ["--precision", precision, *(["--device", device] if device else [])]
    command = [*shlex.split(command_line(spec))[1:], *how]
    return audit_as_job(spec, store, device, precision, command, progress).path
