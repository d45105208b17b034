"""What an audit asks, resolved to contents: the same question has the same key anywhere."""

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
from assay.core.errors import InputError, OptionConflict
from assay.core.models.digests import weights_digest
from assay.core.models.resolve import resolve_model
from assay.core.models.settings_digest import settings_digest
from assay.core.models.training import check_training
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.device import Compute
from assay.core.specs.audit import AuditSpec, GradientLayers, TitrationSpec
from assay.core.specs.data import DataRef, Task
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import to_plain
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import TrainingSpec

# Raise it when the same question would give other numbers.
_VERSION = 9


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
    def gradients(self) -> GradientRequest:
        """What of the gradient cache this audit reads, and extends where it lacks documents."""
        layers = self.spec.gradient_layers
        is_projected = self.spec.task is Task.SFT or layers is not GradientLayers.LAST_LAYER
        dimension = self.spec.projection_dimension or STORED_DIMENSION if is_projected else None
        stored = _stored_dimension(dimension) if dimension else None
        key = content_key(
            "gradients",
            GRADIENT_VERSION,
            self.base_sha256,
            self.final_sha256,
            self.settings_sha256,
            self.spec.task,
            self.spec.label_words,
            self.spec.initial_head,
            self.training.max_tokens,
            self.spec.n_checkpoints,
            layers,
            stored,
            PROJECTION_SEED,
            self.compute.precision,
        )
        return GradientRequest(key[:32], stored, dimension)


def _stored_dimension(dimension: int) -> int:
    """The usual projection where it holds the one asked for, so that both share one cache."""
    return dimension if STORED_DIMENSION % dimension else STORED_DIMENSION


def asked_of(spec: AuditSpec) -> dict[str, Any]:
    """A spec without the places it names, whose contents are digested instead."""
    asked = to_plain(spec)
    for name in ("base", "final", "seed_corpus", "reference", "test", "training"):
        del asked[name]
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


def title_of(spec: AuditSpec) -> str:
    """The title given, else one made of the final model's name."""
    return spec.title or f"{Path(spec.final).name} ({spec.task})"


def check(spec: AuditSpec) -> None:
    """InputError for options that are out of range or contradict each other."""
    if spec.budget < 1:
        raise InputError("a budget of at least 1", str(spec.budget), "raise --budget")
    if not spec.seed_corpus:
        raise InputError("a seed corpus", "none", "give one with --seed-corpus")
    if spec.n_checkpoints < 1:
        raise InputError("at least one checkpoint", str(spec.n_checkpoints), "raise --checkpoints")
    if spec.projection_dimension is not None and spec.projection_dimension < 1:
        raise InputError(
            "a projection dimension of at least 1",
            str(spec.projection_dimension),
            "raise --projection-dimension",
        )
    if spec.task is Task.SFT and Strategy.TOP_K_BALANCED in spec.strategies:
        raise OptionConflict(
            "--strategy top-k-balanced needs labels, which --task sft does not have",
            "top-k-balanced with --task sft",
            "remove it, or use --strategy top-k",
        )
    if spec.task is Task.SFT and spec.label_words:
        raise OptionConflict(
            "--label-words applies to --task classification only",
            "--task sft",
            "remove it, or use --task classification",
        )
    if spec.task is Task.CLASSIFICATION and spec.response_template:
        raise OptionConflict(
            "--response-template applies to --task sft only",
            "--task classification",
            "remove it, or use --task sft",
        )
    is_last = spec.gradient_layers is GradientLayers.LAST_LAYER
    if spec.corpora and len(spec.seed_corpus) < 2:
        raise InputError(
            "at least two corpora to rank",
            f"{len(spec.seed_corpus)}",
            "give one --corpus per corpus",
        )
    if spec.corpora and spec.corpora.n_students and not is_last:
        # Such a pair is most often an adapter's; models trained whole would reach more than its
        # true set could, and so speak against it.
        raise OptionConflict(
            "--students works with --gradient-layers last-layer only",
            f"--students {spec.corpora.n_students} with --gradient-layers {spec.gradient_layers}",
            "remove one of the two options",
        )
    if spec.titration:
        _check_grid(spec.titration)
        if spec.n_student_epochs and spec.test is None:
            raise OptionConflict(
                "--students needs a test set",
                "--students without --test",
                "give --test, or remove --students",
            )


def _check_grid(grid: TitrationSpec) -> None:
    for share in grid.leaked_shares:
        if not 0 <= share <= 1:
            raise InputError("leaked shares from 0 to 1", str(share), "fix --leaked-share")
    if max(grid.leaked_shares) == 0:
        raise InputError("at least one leaked share above 0", "none", "add one with --leaked-share")
    if min(grid.budgets) < 1:
        raise InputError("a budget of at least 1", str(min(grid.budgets)), "raise --budget")
    if grid.n_seeds < 1:
        raise InputError("at least one seed", str(grid.n_seeds), "raise --seeds")


def resolve_audit(spec: AuditSpec, compute: Compute, store: Store) -> ResolvedAudit:
    """Find models and data, convert models where they are kept in another form, digest all."""
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
