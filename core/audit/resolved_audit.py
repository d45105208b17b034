"""An audit's options, with everything they name hashed: equal questions get equal keys."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.cache.audits.schema import SCHEMA_VERSION
from assay.cache.store import Store
from assay.core.audit.gradient_request import (
    GRADIENT_VERSION,
    PROJECTION_SEED,
    STORED_DIMENSION,
    GradientRequest,
)
from assay.core.data.sources import content_digest
from assay.core.models.digests import weights_digest
from assay.core.models.resolve import resolve_model
from assay.core.models.settings_digest import settings_digest
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.device import Compute
from assay.core.specs.audit import AuditSpec, GradientLayers, title_of
from assay.core.specs.data import DataRef, Task
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import to_plain
from assay.core.specs.training import StudentAdapter, TrainingSpec, check_training

# Raise it when the same options would give other numbers.
_VERSION = 17


@dataclass(frozen=True)
class ResolvedAudit:
    """A spec with everything resolved that its key depends on."""

    spec: AuditSpec
    base: Path
    final: Path
    training: TrainingSpec
    training_source: str
    base_sha256: str
    final_sha256: str
    settings_sha256: str
    data_sha256: dict[str, Any]
    compute: Compute

    @property
    def audit_id(self) -> str:
        key = content_key(
            "audit",
            _VERSION,
            SCHEMA_VERSION,
            GRADIENT_VERSION,
            asked_of(self.spec),
            asdict(self.training),
            self.base_sha256,
            self.final_sha256,
            self.settings_sha256,
            self.data_sha256,
            self.compute.precision,
            self.compute.training_precision,
        )
        name = re.sub(r"[^a-z0-9]+", "-", title_of(self.spec).lower()).strip("-")[:40].strip("-")
        return f"{name or 'audit'}-{key[:10]}"

    @property
    def of_models(self) -> tuple[Any, ...]:
        """Part of the key of everything that is computed with both models and no training."""
        return (
            self.base_sha256,
            self.final_sha256,
            self.settings_sha256,
            self.spec.task,
            self.spec.label_words,
            self.spec.initial_head,
        )

    @property
    def gradients(self) -> GradientRequest:
        """The part of the gradient cache that this audit reads, and extends if necessary."""
        layers = self.spec.gradient_layers
        is_projected = self.spec.task is Task.SFT or layers is not GradientLayers.LAST_LAYER
        dimension = self.spec.projection_dimension or STORED_DIMENSION if is_projected else None
        stored = _stored_dimension(dimension) if dimension else None
        key = content_key(
            "gradients",
            GRADIENT_VERSION,
            *self.of_models,
            self.training.max_tokens,
            self.spec.n_checkpoints,
            layers,
            stored,
            PROJECTION_SEED,
            self.compute.precision,
        )
        return GradientRequest(key[:32], stored, dimension)


def _stored_dimension(dimension: int) -> int:
    """The default projection if it contains the one asked for, so that both share one cache."""
    return dimension if STORED_DIMENSION % dimension else STORED_DIMENSION


def asked_of(spec: AuditSpec) -> dict[str, Any]:
    """A spec without paths; the contents of the files are hashed instead."""
    asked = to_plain(spec)
    for name in ("base", "final", "seed_corpus", "reference", "test", "training"):
        del asked[name]
    # Audits from before an option are named without it.
    if spec.student_adapter is StudentAdapter.NONE:
        del asked["student_adapter"]
    if spec.leaked_shares is None:
        del asked["leaked_shares"]
    return asked


def data_digests(spec: AuditSpec) -> dict[str, Any]:
    """Digests of what will be read: each corpus, the reference set and the test set."""

    def digest(ref: DataRef | None) -> str | None:
        return content_digest(ref, spec.seed) if ref else None

    corpora = [
        content_digest(ref, spec.seed + position) for position, ref in enumerate(spec.seed_corpus)
    ]
    return {
        "seed_corpus": corpora,
        "reference": digest(spec.reference),
        "test": digest(spec.test),
    }


def resolve_audit(spec: AuditSpec, compute: Compute, store: Store) -> ResolvedAudit:
    """Find models and data, convert models if necessary, and hash everything."""
    base = resolve_model(spec.base, store.models)
    final = resolve_model(spec.final, store.models, base)
    record = TrainingRecord.read(final)
    if spec.training:
        training, source = spec.training, "given"
    elif record:
        training, source = record.training, "recorded by assay finetune"
    else:
        training, source = TrainingSpec(), "default"
    check_training(training)

    return ResolvedAudit(
        spec,
        base,
        final,
        training,
        source,
        weights_digest(base),
        weights_digest(final),
        content_key(settings_digest(base), settings_digest(final)),
        data_digests(spec),
        compute,
    )
