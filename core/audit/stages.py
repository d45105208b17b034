"""The stages of an audit. Each is committed whole, and skipped by a run that finds it done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cache.home import Store
from cache.writer import AuditBuilder
from core.audit.features import PROJECTION_SEED, read_features
from core.audit.gradients import compute_gradients
from core.audit.ingest import ingest
from core.audit.measures.selections import measure_selections
from core.audit.metric_rows import MetricRow, write_metrics
from core.audit.predictions import PredictionJudge, weight_cosine
from core.audit.question import Question
from core.audit.reading import Reader
from core.audit.student import StudentResult, StudentTask
from core.audit.students import BaseModel, train_students
from core.maths.strategies import make_selection
from core.models.examples import TextDocument
from core.models.gradient_models import ClassifierGradients, GradientModels, LanguageGradients
from core.models.inner_gradients import InnerGradients
from core.models.loading import ModelPair
from core.models.text_model import Tokenization
from core.progress import Progress
from core.specs import AuditSpec, GradientLayers, Strategy

_N_AGREEMENT_DOCUMENTS = 500


def read_documents(
    question: Question, builder: AuditBuilder, pair: ModelPair, progress: Progress
) -> None:
    if builder.is_done("documents"):
        return
    with progress.stage("read documents", 0), builder.stage("documents"):
        spec = question.spec
        reader = Reader(pair.final, spec.task, spec.response_template)
        ingest(spec, builder, reader, progress)


def take_gradients(
    question: Question, builder: AuditBuilder, store: Store, pair: ModelPair, progress: Progress
) -> None:
    if builder.is_done("gradients"):
        return
    ((n_documents,),) = builder.rows("SELECT count(*) FROM documents")
    models = _gradient_models(question, pair)
    with progress.stage("gradients", n_documents), builder.stage("gradients"):
        compute_gradients(builder, store, question.gradients, models, progress)


def _gradient_models(question: Question, pair: ModelPair) -> GradientModels:
    n_checkpoints, stored = question.spec.n_checkpoints, question.gradients.stored_dimension
    if stored is None:
        return ClassifierGradients(pair, n_checkpoints)
    layers = question.spec.gradient_layers
    if layers is not GradientLayers.LAST_LAYER:
        return InnerGradients(pair, n_checkpoints, layers, stored, PROJECTION_SEED)
    return LanguageGradients(pair, n_checkpoints, stored, PROJECTION_SEED)


def make_selections(question: Question, builder: AuditBuilder, progress: Progress) -> None:
    if builder.is_done("selections"):
        return
    spec = question.spec
    with progress.stage("select", len(spec.strategies)), builder.stage("selections"):
        features = read_features(builder, spec)
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
                    "weight": selection.weights or [1.0] * len(selection.documents),
                },
            )
            progress.advance(1)


def predict(question: Question, builder: AuditBuilder, pair: ModelPair, progress: Progress) -> None:
    """What the final and the base model say of the documents that students are judged on."""
    if builder.is_done("predictions"):
        return
    documents = _evaluation(question.spec, builder)
    examples = pair.final.examples(documents)
    with progress.stage("predict", 2 * len(documents)), builder.stage("predictions"):
        final = pair.final.predict(examples, progress.advance)
        base = pair.base.predict(examples, progress.advance)
        builder.put_meta("evaluation_choices", final.choices.tolist())
        judge = PredictionJudge(question.spec, documents, final.choices, pair.final.label_names)
        write_metrics(builder, [*judge.rows("final", final), *judge.rows("base", base)])


def train_all_students(question: Question, builder: AuditBuilder, progress: Progress) -> None:
    """One student a strategy; none where the question asks for none."""
    spec = question.spec
    left = [s for s in spec.strategies if not builder.is_done(f"student: {s}")]
    if not spec.n_student_epochs:
        return
    tasks = [_student_task(question, builder, strategy) for strategy in left]
    with progress.stage("students", n_student_units(tasks)):
        for result, metrics in students(question, builder, tasks, progress):
            with builder.stage(f"student: {result.name}", result.duration_s):
                builder.write(
                    "student_epochs",
                    {
                        "strategy": [result.name] * len(result.epochs),
                        "epoch": [epoch.epoch for epoch in result.epochs],
                        "train_loss": [epoch.train_loss for epoch in result.epochs],
                        "validation_loss": [epoch.validation_loss for epoch in result.epochs],
                        "is_best": [epoch.is_best for epoch in result.epochs],
                    },
                )
                write_metrics(builder, metrics)


def students(
    question: Question, builder: AuditBuilder, tasks: Sequence[StudentTask], progress: Progress
) -> Iterator[tuple[StudentResult, list[MetricRow]]]:
    """Train students as they are asked for, with what each is worth on the evaluation documents."""
    spec = question.spec
    base = BaseModel(
        question.base,
        question.final,
        spec.task,
        question.training.max_tokens,
        question.compute,
        spec.label_words,
    )
    documents = _evaluation(spec, builder)
    ((choices,),) = builder.rows(
        "SELECT value::INTEGER[] FROM meta WHERE key = 'evaluation_choices'"
    )
    for result in train_students(tasks, base, documents, progress.advance):
        judge = PredictionJudge(spec, documents, np.asarray(choices), result.label_names)
        yield (
            result,
            [
                *judge.rows(result.name, result.predictions),
                weight_cosine(result.name, result.weight_cosine),
            ],
        )


def n_student_units(tasks: Sequence[StudentTask]) -> int:
    """Documents the students will train on, epochs counted."""
    return sum(len(task.documents) * task.training.n_epochs for task in tasks)


def _student_task(question: Question, builder: AuditBuilder, strategy: Strategy) -> StudentTask:
    rows = builder.rows(
        "SELECT document_id, weight FROM selections WHERE strategy = ? ORDER BY rank",
        [str(strategy)],
    )
    return student_task(question, builder, str(strategy), rows)


def student_task(
    question: Question, builder: AuditBuilder, name: str, chosen: Sequence[tuple[int, float]]
) -> StudentTask:
    """Train on documents of the corpus, each with its weight, as the final model labels them."""
    spec = question.spec
    known = {
        row[0]: TextDocument(*row[1:])
        for row in builder.rows(
            "SELECT document_id, text, pseudolabel, n_prompt_characters FROM documents "
            "JOIN scores USING (document_id) WHERE list_contains(?, document_id)",
            [[document_id for document_id, _ in chosen]],
        )
    }
    return StudentTask(
        name,
        tuple(known[document_id] for document_id, _ in chosen),
        tuple(weight for _, weight in chosen),
        replace(question.training, n_epochs=spec.n_student_epochs),
        spec.is_stopping_early,
    )


def _evaluation(spec: AuditSpec, builder: AuditBuilder) -> list[TextDocument]:
    """The test set; without one, seed-corpus documents that no strategy selected."""
    if spec.test is not None:
        rows = builder.rows(
            "SELECT text, label, n_prompt_characters FROM test_documents ORDER BY test_id"
        )
        return [TextDocument(*row) for row in rows]
    rows = builder.rows(
        "SELECT text, NULL, n_prompt_characters FROM documents "
        "ANTI JOIN selections USING (document_id) ORDER BY md5(text_hash) LIMIT ?",
        [_N_AGREEMENT_DOCUMENTS],
    )
    if not rows:
        rows = builder.rows(
            "SELECT text, NULL, n_prompt_characters FROM documents ORDER BY document_id LIMIT ?",
            [_N_AGREEMENT_DOCUMENTS],
        )
    return [TextDocument(*row) for row in rows]


def embed(question: Question, builder: AuditBuilder, store: Store, progress: Progress) -> None:
    if builder.is_done("embeddings"):
        return
    from core.audit.embeddings import embed_documents  # takes seconds to import

    queries = {
        "seed-corpus": "SELECT text FROM documents ORDER BY document_id",
        "reference": "SELECT text FROM reference_documents ORDER BY reference_id",
    }
    sets = {name: [row[0] for row in builder.rows(query)] for name, query in queries.items()}
    n_documents = sum(len(texts) for texts in sets.values())
    with progress.stage("embed", n_documents), builder.stage("embeddings"):
        for name, texts in sets.items():
            if texts:
                vectors = embed_documents(texts, store, question.compute, progress)
                builder.write_matrix("embeddings", {"set_name": name}, vectors)


def measure(
    question: Question, builder: AuditBuilder, tokenization: Tokenization, progress: Progress
) -> None:
    if builder.is_done("metrics"):
        return
    with progress.stage("measure", 7), builder.stage("metrics"):
        features = read_features(builder, question.spec)
        measure_selections(question.spec, builder, features, tokenization, progress)
