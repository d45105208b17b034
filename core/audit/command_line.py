"""The one command that asks the same question again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from assay.core.audit.provenance import _Columns
from assay.core.specs.audit import (
    AuditSpec,
    CorporaSpec,
    GradientLayers,
    SuspectSpec,
    TitrationSpec,
)
from assay.core.specs.data import DataRef, Role
from assay.core.specs.training import TrainingSpec


def command_line(spec: AuditSpec) -> str:
    """The one command that asks this question again."""
    if spec.titration:
        command, options = "titrate", _titration(spec, spec.titration)
    elif spec.corpora:
        command, options = "rank-corpora", _corpora(spec, spec.corpora)
    else:
        command, options = "audit", _audit(spec)
    return f"assay {command} " + shlex.join([*options, *_shared(spec)])


def suspect_command_line(spec: SuspectSpec, max_tokens: int) -> str:
    """The one command that tests these suspects again."""
    return "assay suspect " + shlex.join(_suspects(spec, max_tokens))


def _suspects(spec: SuspectSpec, max_tokens: int) -> Iterator[str]:
    yield from ("--base", spec.base, "--final", spec.final)
    usual = _Columns(spec.suspects.text_column, None, spec.suspects.prompt_column)
    yield from ("--suspects", usual.name(spec.suspects), "--controls", usual.name(spec.controls))
    yield from ("--task", spec.task, "--text-column", usual.text)
    if usual.prompt:
        yield from ("--prompt-column", usual.prompt)
    if spec.response_template:
        yield from ("--response-template", spec.response_template)
    if spec.label_words:
        yield from ("--label-words", ",".join(spec.label_words))
    yield from ("--max-tokens", str(max_tokens), "--seed", str(spec.seed))
    if spec.title:
        yield from ("--title", spec.title)


def _audit(spec: AuditSpec) -> Iterator[str]:
    for ref in spec.seed_corpus:
        yield from ("--seed-corpus", _Columns.of(spec).name(ref))
    if spec.n_candidates:
        yield from ("--candidates", str(spec.n_candidates))
    yield from ("--task", spec.task, "--budget", str(spec.budget))
    if spec.held_out_source:
        yield from ("--held-out-source", spec.held_out_source)
    yield from ("--student-epochs", str(spec.n_student_epochs))


def _corpora(spec: AuditSpec, corpora: CorporaSpec) -> Iterator[str]:
    for ref in spec.seed_corpus:
        yield from ("--corpus", _Columns.of(spec).name(ref))
    if spec.seed_corpus[0].sample:
        yield from ("--documents", str(spec.seed_corpus[0].sample))
    yield from ("--task", spec.task, "--budget", str(spec.budget))
    yield from ("--students", str(corpora.n_students))


def _titration(spec: AuditSpec, grid: TitrationSpec) -> Iterator[str]:
    for ref in spec.seed_corpus[1:]:  # the first is the reference set
        option = "--held-out" if ref.source == Role.HELD_OUT else "--out-of-domain"
        yield from (option, _Columns.of(spec).name(ref))
        yield from _sample(option + "-sample", ref)
    for share in grid.leaked_shares:
        yield from ("--leaked-share", str(share))
    for budget in grid.budgets:
        yield from ("--budget", str(budget))
    yield from ("--seeds", str(grid.n_seeds))
    if spec.n_student_epochs:
        yield from ("--students", "--student-epochs", str(spec.n_student_epochs))


def _shared(spec: AuditSpec) -> Iterator[str]:
    yield from ("--base", spec.base, "--final", spec.final)
    usual = _Columns.of(spec)
    yield from ("--text-column", usual.text)
    for option, known in (("--reference", spec.reference), ("--test", spec.test)):
        if known:
            yield from (option, usual.name(known))
            yield from _sample(option + "-sample", known)
    if usual.prompt:
        yield from ("--prompt-column", usual.prompt)
    labelled = spec.reference or spec.test
    if labelled and labelled.label_column:
        yield from ("--label-column", labelled.label_column)
        if labelled.label_names:
            yield from ("--label-names", ",".join(labelled.label_names))
    if spec.label_words:
        yield from ("--label-words", ",".join(spec.label_words))
    if spec.training:
        yield from _training(spec.training)
    for strategy in spec.strategies:
        yield from ("--strategy", strategy)
    if not spec.is_stopping_early:
        yield "--no-early-stopping"
    if not spec.is_mapped:
        yield "--no-map"
    if spec.projection_dimension:
        yield from ("--projection-dimension", str(spec.projection_dimension))
    if spec.gradient_layers is not GradientLayers.LAST_LAYER:
        yield from ("--gradient-layers", spec.gradient_layers)
    if spec.response_template:
        yield from ("--response-template", spec.response_template)
    yield from ("--checkpoints", str(spec.n_checkpoints), "--seed", str(spec.seed))
    if spec.title:
        yield from ("--title", spec.title)


def _sample(option: str, ref: DataRef) -> Iterator[str]:
    if ref.sample:
        yield from (option, str(ref.sample))


def _training(training: TrainingSpec) -> Iterator[str]:
    yield from ("--optimizer", training.optimizer, "--learning-rate", str(training.learning_rate))
    yield from ("--batch-size", str(training.batch_size), "--max-tokens", str(training.max_tokens))
    yield from ("--weight-decay", str(training.weight_decay))
    yield from ("--momentum", str(training.momentum))
