"""One shard of an audit: its part of what is computed of each document by itself, and no more.

Shards run on several machines at the same time and write to one store. They are not jobs, because
the table of jobs knows the processes of one machine only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.builder import alone, built
from assay.cache.files.sealed import sealed_audit
from assay.cache.store import Store
from assay.core.audit.cached_agreements import agreement_rows, asked_windows
from assay.core.audit.cached_layer_scores import layer_score_rows
from assay.core.audit.cached_token_scores import token_score_rows
from assay.core.audit.context import AuditContext
from assay.core.audit.corpus_names import with_source_names
from assay.core.audit.document_rows import DocumentRows, SharedRows, fill, windows_of
from assay.core.audit.memory_needs import check_models_fit, of_a_file
from assay.core.audit.resolved_audit import ResolvedAudit, resolve_audit
from assay.core.audit.stages.assessability import assess_pair
from assay.core.audit.stages.documents import ingest_documents
from assay.core.audit.stages.embedding_agreement import asked_gradients
from assay.core.audit.stages.gradients import gradient_models, gradient_rows
from assay.core.audit.stages.layer_agreement import asked_layers
from assay.core.audit.stages.students import ModelPairSource
from assay.core.audit.stages.vocabulary import read_vocabulary
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import cut_after
from assay.core.runtime.device import Compute
from assay.core.runtime.memory import UNBOUNDED, MemoryBound
from assay.core.runtime.progress import Progress
from assay.core.specs.audit import Assessability, AuditSpec
from assay.core.specs.audit_checks import check_audit
from assay.core.specs.data import Task
from assay.core.specs.shard import Shard


@dataclass(frozen=True)
class ShardOutcome:
    """``n_computed``: documents by the stage that computed something of them, without those that
    the store had already. ``is_assessable``: nothing is computed of a pair that is not."""

    audit_id: str
    shard: Shard
    n_documents: int = 0
    n_computed: dict[str, int] = field(default_factory=dict)
    is_assessable: bool = True
    was_sealed: bool = False


def run_shard(
    spec: AuditSpec,
    shard: Shard,
    store: Store,
    compute: Compute,
    progress: Progress,
    memory: MemoryBound = UNBOUNDED,
) -> ShardOutcome:
    """Compute this shard's gradients, membership scores, embedding gradients and layer gradients,
    and write them to the store, where every audit of the pair finds them.

    A killed shard continues after its last block. InputError as for ``run_audit``.
    """
    check_audit(spec)
    store = replace(store, memory=of_a_file(memory))
    question = resolve_audit(with_source_names(spec), compute, store)
    if sealed_audit(store, question.audit_id):
        return ShardOutcome(question.audit_id, shard, was_sealed=True)
    name = f"{question.audit_id}.shard-{shard.number}-of-{shard.n_shards}"
    check_models_fit(question, memory)
    with alone(store, name, lambda: progress.note("waiting for the same shard")):
        return built(lambda: _computed(question, shard, name, store, progress))


def _computed(
    question: ResolvedAudit, shard: Shard, name: str, store: Store, progress: Progress
) -> ShardOutcome:
    with progress.stage("load models", 0):
        pair = ModelPairSource.of(question).load()
    with AuditBuilder(store, name) as builder:
        audit = AuditContext(question, builder, store, progress)
        if assess_pair(audit, pair) is Assessability.NOT_ASSESSABLE:
            found = ShardOutcome(question.audit_id, shard, is_assessable=False)
        else:
            ingest_documents(audit, pair)
            n_computed = dict(_stages(audit, pair, shard))
            found = ShardOutcome(question.audit_id, shard, audit.n_documents, n_computed)
        builder.discard()
        return found


def _stages(audit: AuditContext, pair: ModelPair, shard: Shard) -> Iterator[tuple[str, int]]:
    """Each stage and how many documents it computed something of."""
    run = partial(_filled, audit, shard)
    models = gradient_models(audit, pair)
    yield run("gradients", gradient_rows(audit, models), windows_of(audit))
    del models
    if audit.spec.task is Task.SFT:
        rows = token_score_rows(audit.question, pair)
        yield run("membership baselines", rows, windows_of(audit))
    read_vocabulary(audit)
    asked = asked_gradients(audit, pair)
    if asked is not None:
        with cut_after(pair.final, asked.n_tokens):
            rows = agreement_rows(audit.question, asked.gradients, asked.n_tokens)
            yield run("embedding gradients", rows, asked_windows(audit, asked.is_excluded))
    del asked
    compared = asked_layers(audit, pair)
    if compared is not None:
        rows = layer_score_rows(audit.question, compared.layers, compared.sample)
        yield run("layer gradients", rows, windows_of(audit))


def _filled(
    audit: AuditContext,
    shard: Shard,
    stage: str,
    rows: DocumentRows,
    windows: Iterable[Sequence[TextDocument]],
) -> tuple[str, int]:
    kept = SharedRows(rows, audit.store, audit.progress)
    with audit.progress.stage(stage, audit.n_documents):
        return stage, fill(kept, rows, windows, audit.progress, audit.engine, shard)
