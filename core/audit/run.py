"""One audit from its options to its sealed file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.builder import alone, built
from assay.cache.files.sealed import sealed_audit
from assay.cache.store import Store
from assay.core.audit.context import AuditContext
from assay.core.audit.corpus_names import with_source_names
from assay.core.audit.estimates import Load, planned_stages, training_passes
from assay.core.audit.memory_needs import (
    check_documents_fit,
    check_models_fit,
    of_a_file,
    with_room_for_indexes,
)
from assay.core.audit.metadata import describe
from assay.core.audit.metrics import all_metrics
from assay.core.audit.resolved_audit import ResolvedAudit, resolve_audit
from assay.core.audit.spread import opened_engine
from assay.core.audit.stages import (
    corpus_ranking,
    documents,
    embeddings,
    gradients,
    membership,
    predictions,
    selections,
    student_comparison,
    students,
    titration,
)
from assay.core.audit.stages.answerable import with_answerable_strategies
from assay.core.audit.stages.assessability import assess_pair
from assay.core.audit.stages.embedding_agreement import score_by_embeddings
from assay.core.audit.stages.exact_cosines import take_exact_cosines
from assay.core.audit.stages.layer_agreement import score_by_layers
from assay.core.audit.stages.map import draw_map
from assay.core.audit.stages.vocabulary import read_vocabulary
from assay.core.engines.engine import LocalEngine
from assay.core.errors import InputError
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import Tokenization
from assay.core.runtime.device import Compute
from assay.core.runtime.memory import UNBOUNDED, MemoryBound, give_back
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.progress import Progress
from assay.core.specs.audit import Assessability, AuditSpec
from assay.core.specs.audit_checks import check_audit
from assay.core.specs.compute import HERE, Spread

# The minimum free space for an audit file, its gradients and DuckDB's temporary files.
_MIN_FREE_BYTES = 200_000_000


def run_audit(
    spec: AuditSpec,
    store: Store,
    compute: Compute,
    progress: Progress,
    on_id: Callable[[str], None] = lambda audit_id: None,
    spread: Spread = HERE,
    memory: MemoryBound = UNBOUNDED,
) -> Outcome:
    """Run ``spec``: compute what is missing, seal the audit file and say where it is.

    A complete audit of the same contents is returned unchanged; a killed one continues at the stage
    it had reached. InputError for unusable input, before anything is written.
    """
    check_audit(spec)
    spec = with_source_names(spec)
    store = replace(store, memory=of_a_file(memory))
    question = resolve_audit(spec, compute, store)
    on_id(question.audit_id)
    with alone(store, question.audit_id, lambda: progress.note("waiting for the same audit")):
        sealed = sealed_audit(store, question.audit_id)
        if sealed:
            return Outcome(question.audit_id, sealed, was_there=True)
        _check_disk(store)
        check_models_fit(question, memory)
        path = built(lambda: _build(question, store, progress, spread, memory))
        return Outcome(question.audit_id, path, was_there=False)


def _build(
    question: ResolvedAudit, store: Store, progress: Progress, spread: Spread, memory: MemoryBound
) -> Path:
    asked = question.spec
    with progress.stage("load models", 0):
        pair = students.ModelPairSource.of(question).load()
    with AuditBuilder(store, question.audit_id) as builder:
        if builder.quarantined:
            progress.note(f"an unfinished audit was damaged; it was moved to {builder.quarantined}")
        audit = AuditContext(question, builder, store, progress, memory=memory)
        verdict = assess_pair(audit, pair)
        tokenization, caveats = pair.final.tokenization, pair.caveats
        head_start, splits = pair.head_start, pair.splits
        if verdict is Assessability.NOT_ASSESSABLE:
            progress.note("not assessable: no documents are scored")
        else:
            with opened_engine(spread, question, progress) as engine:
                audit = _select(replace(audit, engine=engine), pair)
            audit = replace(audit, engine=LocalEngine())
            del pair
            give_back()
            _evaluate(audit, tokenization)
        describe(audit, asked, tokenization.label_names, caveats, head_start, splits)
        give_back()
        return builder.seal()


def _select(audit: AuditContext, pair: ModelPair) -> AuditContext:
    """The stages that need both models. Returns the question without strategies that cannot run."""
    documents.ingest_documents(audit, pair)
    check_documents_fit(audit)
    audit = with_room_for_indexes(audit)
    audit.progress.expect(planned_stages(audit.spec, _load(audit, pair)))
    read_vocabulary(audit)
    gradients.take_gradients(audit, pair)
    membership.score_baselines(audit, pair)
    score_by_embeddings(audit, pair)
    score_by_layers(audit, pair)
    audit = with_answerable_strategies(audit)
    selections.make_selections(audit)
    take_exact_cosines(audit, pair)
    predictions.predict(audit, pair)
    return audit


def _load(audit: AuditContext, pair: ModelPair) -> Load:
    n_parameters = sum(one.numel() for one in pair.final.model.parameters())
    n_passes = training_passes(corpus_ranking.n_training_documents(audit), audit.training)
    return Load(audit.n_documents, n_parameters, pair.final.max_tokens, n_passes=n_passes)


def _evaluate(audit: AuditContext, tokenization: Tokenization) -> None:
    """The stages that evaluate the selections."""
    students.train_all_students(audit)
    student_comparison.compare_students(audit)
    embeddings.embed(audit)
    give_back()
    draw_map(audit)
    all_metrics.measure(audit, tokenization)
    corpus_ranking.rank_groups(audit)
    corpus_ranking.train_source_students(audit)
    titration.score_text_alone(audit)
    membership.judge_members(audit)
    titration.measure_grid(audit)
    titration.train_grid_students(audit)


def _check_disk(store: Store) -> None:
    free = shutil.disk_usage(store.building).free
    if free < _MIN_FREE_BYTES:
        raise InputError(
            f"at least {_MIN_FREE_BYTES / 1e6:.0f} MB of free disk space for the store",
            f"{free / 1e6:.0f} MB at {store.root}",
            "free some space, or choose another folder with --store",
        )
