"""One audit from its question to its sealed file."""

from __future__ import annotations

import datetime
import gc
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cache.home import Store
from cache.shelf import sealed_audit
from cache.writer import AuditBuilder, alone
from core.audit.evaluate import (
    N_NULL_DRAWS,
    prediction_metrics,
    selection_metrics,
    write_metrics,
)
from core.audit.gradients import GRADIENT_VERSION, compute_gradients, factored_gradients
from core.audit.ingest import ingest
from core.audit.provenance import command_line, environment
from core.audit.strategies import make_selection
from core.audit.students import (
    BaseModel,
    StudentTask,
    student_training,
    train_students,
)
from core.data.sources import content_digest
from core.device import Compute
from core.errors import InputError
from core.models.factors import FactorModels
from core.models.loading import ModelPair, load_pair
from core.models.record import TrainingRecord
from core.models.resolve import resolve_model, tokenizer_digest, weights_digest
from core.models.training import log_probabilities
from core.progress import Progress
from core.specs import AuditSpec, DataRef, Strategy, TrainingSpec, content_key, to_plain

# Raise it when the same question would give other numbers.
_VERSION = 1
_N_AGREEMENT_DOCUMENTS = 500
# What an audit may write before it is sure to fit: its texts twice over and a margin.
_MIN_FREE_BYTES = 200_000_000


@dataclass(frozen=True)
class AuditOutcome:
    """Where an audit is, and whether it was there before."""

    audit_id: str
    path: Path
    was_there: bool


@dataclass(frozen=True)
class _Question:
    """A spec with everything resolved that its key depends on."""

    spec: AuditSpec
    training: TrainingSpec
    training_source: str
    base_sha256: str
    final_sha256: str
    tokenizer_sha256: str
    data_sha256: dict[str, Any]
    compute: Compute

    @property
    def audit_id(self) -> str:
        asked = to_plain(self.spec)
        for name in ("base", "final", "seed_corpus", "reference", "test", "training"):
            del asked[name]  # places; their contents are in the digests
        key = content_key(
            "audit",
            _VERSION,
            GRADIENT_VERSION,
            asked,
            asdict(self.training),
            self.base_sha256,
            self.final_sha256,
            self.tokenizer_sha256,
            self.data_sha256,
            self.compute.precision,
        )
        name = re.sub(r"[^a-z0-9]+", "-", title_of(self.spec).lower()).strip("-")[:40].strip("-")
        return f"{name or 'audit'}-{key[:10]}"

    @property
    def gradient_key(self) -> str:
        return content_key(
            "gradients",
            GRADIENT_VERSION,
            self.base_sha256,
            self.final_sha256,
            self.tokenizer_sha256,
            self.spec.task,
            self.spec.label_words,
            self.training.max_tokens,
            self.spec.n_checkpoints,
            self.compute.precision,
        )[:32]


def title_of(spec: AuditSpec) -> str:
    """The title given, else one made of the final model's name."""
    return spec.title or f"{Path(spec.final).name} ({spec.task})"


def run_audit(
    spec: AuditSpec,
    store: Store,
    compute: Compute,
    progress: Progress,
    on_id: Callable[[str], None] = lambda audit_id: None,
) -> AuditOutcome:
    """Answer ``spec``: compute what is missing, seal the audit file and say where it is.

    A complete audit of the same contents is returned as it is; a killed one continues at the
    stage it had reached. InputError for unusable input, before anything is written.
    """
    _check(spec)
    question = _resolve(spec, compute)
    on_id(question.audit_id)
    with alone(store, question.audit_id, lambda: progress.note("waiting for the same audit")):
        sealed = sealed_audit(store, question.audit_id)
        if sealed:
            return AuditOutcome(question.audit_id, sealed, was_there=True)
        _check_disk(store)
        path = _build(question, store, progress)
        return AuditOutcome(question.audit_id, path, was_there=False)


def _build(question: _Question, store: Store, progress: Progress) -> Path:
    spec = question.spec
    with progress.stage("load models", 0):
        pair = load_pair(
            spec.base, spec.final, question.training.max_tokens, question.compute, spec.label_words
        )
    builder = AuditBuilder(store, question.audit_id)
    if builder.set_aside:
        progress.note(f"a damaged unfinished audit was kept as {builder.set_aside}")
    try:
        _ingest(question, builder, pair, progress)
        _gradients(question, builder, store, pair, progress)
        _select(question, builder, progress)
        _predict(question, builder, pair, progress)
        tokenizer, caveats = pair.final, pair.caveats
        del pair
        gc.collect()
        _students(question, builder, progress)
        _embed(question, builder, progress)
        _measure(question, builder, tokenizer, progress)
        _describe(question, builder, tokenizer.label_names, caveats)
        return builder.seal()
    except BaseException:
        builder.close()
        raise


def _check(spec: AuditSpec) -> None:
    if spec.budget < 1:
        raise InputError("a budget of at least 1", str(spec.budget), "raise --budget")
    if spec.task != "classification":
        raise InputError("the task classification", repr(spec.task), "leave out --task")
    if not spec.seed_corpus:
        raise InputError("a seed corpus", "none", "give one with --seed-corpus")
    if spec.n_checkpoints < 1:
        raise InputError("at least one checkpoint", str(spec.n_checkpoints), "raise --checkpoints")


def _check_disk(store: Store) -> None:
    free = shutil.disk_usage(store.building).free
    if free < _MIN_FREE_BYTES:
        raise InputError(
            f"at least {_MIN_FREE_BYTES / 1e6:.0f} MB free where the store is",
            f"{free / 1e6:.0f} MB at {store.root}",
            "free some space or name another place with --store",
        )


def _resolve(spec: AuditSpec, compute: Compute) -> _Question:
    base, final = resolve_model(spec.base), resolve_model(spec.final)
    record = TrainingRecord.read(final)
    if spec.training:
        training, source = spec.training, "given"
    elif record:
        training, source = record.training, "recorded by assay finetune"
    else:
        training, source = TrainingSpec(), "default"

    def digest(ref: DataRef | None) -> str | None:
        return content_digest(ref, spec.seed) if ref else None

    return _Question(
        spec,
        training,
        source,
        weights_digest(base),
        weights_digest(final),
        tokenizer_digest(final),
        {
            "seed_corpus": [content_digest(ref, spec.seed) for ref in spec.seed_corpus],
            "reference": digest(spec.reference),
            "test": digest(spec.test),
        },
        compute,
    )


def _ingest(
    question: _Question, builder: AuditBuilder, pair: ModelPair, progress: Progress
) -> None:
    if builder.is_done("documents"):
        return
    with progress.stage("read documents", 0), builder.stage("documents"):
        ingest(question.spec, builder, pair.final, progress)


def _gradients(
    question: _Question, builder: AuditBuilder, store: Store, pair: ModelPair, progress: Progress
) -> None:
    if builder.is_done("gradients"):
        return
    ((n_documents,),) = builder.rows("SELECT count(*) FROM documents")
    models = FactorModels(pair, question.spec.n_checkpoints)
    with progress.stage("gradients", n_documents), builder.stage("gradients"):
        compute_gradients(builder, store, question.gradient_key, models, progress)
        _difference_facts(builder, pair)


def _difference_facts(builder: AuditBuilder, pair: ModelPair) -> None:
    """How far the last layer and the whole model moved."""
    final = dict(pair.final.model.named_parameters())
    n_parameters = n_changed = 0
    squared_change = squared_base = 0.0
    with torch.inference_mode():
        for name, parameter in pair.base.model.named_parameters():
            change = (final[name] - parameter).double()
            n_parameters += parameter.numel()
            n_changed += int((change != 0).sum())
            squared_change += float((change**2).sum())
            squared_base += float((parameter.double() ** 2).sum())
        base_head, final_head = pair.base.head(), pair.final.head()
        head_change = float((final_head - base_head).norm())
        facts = {
            "n_parameters": n_parameters,
            "n_parameters_changed": n_changed,
            "relative_change": (squared_change / squared_base) ** 0.5,
            "head_change": head_change,
            "relative_head_change": head_change / max(float(base_head.norm()), 1e-12),
        }
    if head_change == 0:
        raise InputError(
            "models whose last layer differs",
            "one that did not move in fine-tuning",
            "the last layer says nothing about this pair; this is not evidence of no leak",
        )
    for fact, value in facts.items():
        builder.put_fact("difference", fact, value)
    for model, classifier in (("base", pair.base), ("final", pair.final)):
        builder.put_fact(model, "architecture", type(classifier.model).__name__)


def _select(question: _Question, builder: AuditBuilder, progress: Progress) -> None:
    if builder.is_done("selections"):
        return
    spec = question.spec
    with progress.stage("select", len(spec.strategies)), builder.stage("selections"):
        features = factored_gradients(builder)
        scores = builder.columns(
            "SELECT pseudolabel::BIGINT AS pseudolabel, base_loss::DOUBLE AS base_loss "
            "FROM scores ORDER BY document_id"
        )
        for strategy in spec.strategies:
            selection = make_selection(
                strategy,
                features,
                np.asarray(scores["pseudolabel"]),
                np.asarray(scores["base_loss"]),
                spec.budget,
                question.training.batch_size,
                spec.seed,
            )
            builder.write(
                "selections",
                {
                    "strategy": [str(strategy)] * len(selection.documents),
                    "rank": range(len(selection.documents)),
                    "document_id": selection.documents,
                    "gain": selection.gains,
                    "objective": selection.objective,
                },
            )
            progress.advance(1)


def _predict(
    question: _Question, builder: AuditBuilder, pair: ModelPair, progress: Progress
) -> None:
    """What the final and the base model say of the documents that students are judged on."""
    if builder.is_done("predictions"):
        return
    texts, labels = _evaluation(question.spec, builder)
    with progress.stage("predict", 2 * len(texts)), builder.stage("predictions"):
        final = log_probabilities(pair.final, texts, progress.advance)
        base = log_probabilities(pair.base, texts, progress.advance)
        predictions = final.argmax(axis=1)
        builder.put_meta("evaluation_predictions", predictions.tolist())
        write_metrics(
            builder,
            [
                *prediction_metrics("final", final, labels, predictions),
                *prediction_metrics("base", base, labels, predictions),
            ],
        )


def _students(question: _Question, builder: AuditBuilder, progress: Progress) -> None:
    spec = question.spec
    left = [s for s in spec.strategies if not builder.is_done(f"student: {s}")]
    training = student_training(question.training, spec.n_student_epochs)
    tasks = [_student_task(builder, strategy, training) for strategy in left]
    base = BaseModel(spec.base, spec.final, training.max_tokens, question.compute, spec.label_words)
    texts, labels = _evaluation(spec, builder)
    ((predictions,),) = builder.rows(
        "SELECT value::INTEGER[] FROM meta WHERE key = 'evaluation_predictions'"
    )
    n_units = sum(len(task.texts) for task in tasks) * training.n_epochs
    with progress.stage("students", n_units):
        for result in train_students(tasks, base, texts, progress.advance):
            with builder.stage(f"student: {result.strategy}", result.duration_s):
                builder.write(
                    "student_epochs",
                    {
                        "strategy": [str(result.strategy)] * len(result.epochs),
                        "epoch": [epoch.epoch for epoch in result.epochs],
                        "train_loss": [epoch.train_loss for epoch in result.epochs],
                        "validation_loss": [epoch.validation_loss for epoch in result.epochs],
                        "is_best": [epoch.is_best for epoch in result.epochs],
                    },
                )
                write_metrics(
                    builder,
                    prediction_metrics(
                        result.strategy, result.log_probabilities, labels, np.asarray(predictions)
                    ),
                )


def _student_task(builder: AuditBuilder, strategy: Strategy, training: TrainingSpec) -> StudentTask:
    rows = builder.rows(
        "SELECT text, pseudolabel FROM selections JOIN documents USING (document_id) "
        "JOIN scores USING (document_id) WHERE strategy = ? ORDER BY rank",
        [str(strategy)],
    )
    return StudentTask(
        strategy, tuple(row[0] for row in rows), tuple(int(row[1]) for row in rows), training
    )


def _evaluation(
    spec: AuditSpec, builder: AuditBuilder
) -> tuple[list[str], np.ndarray[Any, Any] | None]:
    """The test set; without one, seed-corpus documents that no strategy selected."""
    if spec.test is not None:
        rows = builder.rows("SELECT text, label FROM test_documents ORDER BY test_id")
        return [row[0] for row in rows], np.array([row[1] for row in rows], np.int64)
    rows = builder.rows(
        "SELECT text FROM documents ANTI JOIN selections USING (document_id) "
        "ORDER BY md5(text_hash) LIMIT ?",
        [_N_AGREEMENT_DOCUMENTS],
    )
    if not rows:
        rows = builder.rows(
            "SELECT text FROM documents ORDER BY document_id LIMIT ?", [_N_AGREEMENT_DOCUMENTS]
        )
    return [row[0] for row in rows], None


def _embed(question: _Question, builder: AuditBuilder, progress: Progress) -> None:
    if builder.is_done("embeddings"):
        return
    from core.audit.embed import Embedder  # takes seconds to import

    queries = {
        "seed-corpus": "SELECT text FROM documents ORDER BY document_id",
        "reference": "SELECT text FROM reference_documents ORDER BY reference_id",
    }
    sets = {name: [row[0] for row in builder.rows(query)] for name, query in queries.items()}
    n_documents = sum(len(texts) for texts in sets.values())
    with progress.stage("embed", n_documents), builder.stage("embeddings"):
        embedder = Embedder(question.compute)
        for name, texts in sets.items():
            if texts:
                vectors = embedder.embed(texts, progress)
                builder.write_matrix("embeddings", {"set_name": name}, vectors)


def _measure(
    question: _Question, builder: AuditBuilder, tokenizer: Any, progress: Progress
) -> None:
    if builder.is_done("metrics"):
        return
    with progress.stage("measure", 4), builder.stage("metrics"):
        features = factored_gradients(builder)
        write_metrics(
            builder, selection_metrics(question.spec, builder, features, tokenizer, progress)
        )


def _describe(
    question: _Question,
    builder: AuditBuilder,
    label_names: tuple[str, ...],
    caveats: tuple[str, ...],
) -> None:
    """The facts about the audit itself."""
    if builder.is_done("describe"):
        return
    spec = question.spec
    with builder.stage("describe"):
        builder.put_meta("spec", to_plain(spec))
        builder.put_meta("title", title_of(spec))
        builder.put_meta("created_at", datetime.datetime.now(datetime.UTC).isoformat())
        builder.put_meta("label_names", list(label_names))
        builder.put_meta("caveats", [*caveats, *_caveats(question)])
        builder.put_meta(
            "training", {**to_plain(question.training), "source": question.training_source}
        )
        builder.put_meta(
            "provenance",
            {
                **environment(question.compute),
                "base_weights_sha256": question.base_sha256,
                "final_weights_sha256": question.final_sha256,
                "seed_corpus_sha256": content_key(question.data_sha256["seed_corpus"]),
                "reference_sha256": question.data_sha256["reference"],
                "test_sha256": question.data_sha256["test"],
                "command": command_line(spec),
                "n_null_draws": N_NULL_DRAWS,
            },
        )


def _caveats(question: _Question) -> list[str]:
    caveats = []
    if question.training_source == "default":
        caveats.append(
            "The final model's hyperparameters are unknown; students were trained "
            "with Assay's defaults."
        )
    if question.spec.reference is None:
        caveats.append(
            "No reference set was given, so nothing here says whether selected "
            "documents were trained on."
        )
    elif question.spec.held_out_source is None:
        caveats.append(
            "The seed corpus has no held-out documents of the reference set's own "
            "kind, so finding its domain cannot be told from finding its members."
        )
    caveats.append(
        "One random seed: student accuracies also vary with the seed, which their "
        "intervals do not show."
    )
    return caveats
