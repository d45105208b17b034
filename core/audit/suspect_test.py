"""`assay suspect`: a p-value for "these documents were trained on", or a refusal to give one."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.cache.store import Store
from assay.core.audit.metadata import insiders_caveat
from assay.core.audit.provenance import environment
from assay.core.audit.reader import Reader
from assay.core.audit.suspect_scores import SuspectScores, score_suspects
from assay.core.data.sources import content_digest
from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_pair
from assay.core.models.resolve import resolve_model
from assay.core.models.settings_digest import settings_digest
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import Progress
from assay.core.specs.commands import command_line
from assay.core.specs.hashing import content_key, text_hash
from assay.core.specs.interval import Interval
from assay.core.specs.place_names import name_of
from assay.core.specs.plain import to_plain
from assay.core.specs.results.suspect_test import (
    HashesBySet,
    PValuesByPart,
    RuledOut,
    ScorePart,
    ScoresBySet,
    SetCheck,
    SuspectResult,
)
from assay.core.specs.suspect import SuspectSpec
from assay.core.specs.training import TrainingSpec
from assay.core.stats.suspect_test import (
    N_SHUFFLES,
    Check,
    combined,
    constant_scores,
    separability_by,
    separability_by_words,
    used_test,
)

# Raise it when the same question would give another record.
_VERSION = 8
_MIN_DOCUMENTS = 10

_One = TypeVar("_One")


@dataclass(frozen=True)
class _Sets:
    """Suspects, then controls, without shared or repeated texts; and how many were dropped."""

    documents: list[TextDocument]
    is_suspect: NDArray[np.bool_]
    n_dropped: int


def run_suspect_test(
    spec: SuspectSpec, store: Store, compute: Compute, progress: Progress
) -> SuspectResult:
    """The record of the test: computed once, stored under a key of its contents.

    InputError for unusable input. A refusal is a record without a p-value; then no scores were
    compared.
    """
    base = resolve_model(spec.base, store.models)
    final = resolve_model(spec.final, store.models, base)
    made_by = TrainingRecord.read(final)
    max_tokens = spec.max_tokens or (made_by.training if made_by else TrainingSpec()).max_tokens
    digests = {
        "base_weights_sha256": weights_digest(base),
        "final_weights_sha256": weights_digest(final),
        "settings_sha256": content_key(settings_digest(base), settings_digest(final)),
        "suspects_sha256": content_digest(spec.suspects, spec.seed),
        "controls_sha256": content_digest(spec.controls, spec.seed),
    }
    asked = [
        spec.task,
        spec.label_words,
        spec.response_template,
        spec.initial_head,
        max_tokens,
        spec.seed,
    ]
    key = content_key("suspect", _VERSION, digests, asked, compute.precision)
    test_id = f"suspect-{key[:12]}"
    known = store.suspect_tests.read(test_id)
    if known is not None:
        return known
    with progress.stage("load models", 0):
        pair = load_pair(
            base, final, spec.task, max_tokens, compute, spec.label_words, spec.initial_head
        )
    with progress.stage("read documents", 0):
        reader = Reader(pair.final, spec.task, spec.response_template)
        sets = _read(spec, reader)
        for line in reader.skipped.lines():
            progress.note(line)
    scores = score_suspects(spec.task, pair, (base, final), sets.documents, progress)
    test = _tested(spec, sets, scores, progress)
    record = SuspectResult(
        test_id=test_id,
        title=spec.title
        or f"{name_of(spec.suspects.location)} against {name_of(spec.controls.location)}",
        created_at=datetime.datetime.now(datetime.UTC).isoformat(),
        spec=to_plain(spec),
        n_suspects=int(sets.is_suspect.sum()),
        n_controls=int((~sets.is_suspect).sum()),
        n_dropped=sets.n_dropped,
        n_shuffles=N_SHUFFLES,
        declared=tuple(scores.declared),
        caveats=(
            *insiders_caveat(pair.head_start),
            *pair.caveats,
            *scores.caveats,
            *reader.skipped.lines(),
        ),
        provenance={
            **digests,
            "max_tokens": max_tokens,
            "command": command_line(replace(spec, max_tokens=max_tokens)),
            **environment(compute),
            **pair.splits,
        },
        ruled_out=_ruled_out(scores, sets),
        documents=HashesBySet(*_by_set([text_hash(d.text) for d in sets.documents], sets)),
        **vars(test),
    )
    store.suspect_tests.write(record)
    return record


def _read(spec: SuspectSpec, reader: Reader) -> _Sets:
    texts = [
        [document for window in reader.scored(ref, spec.seed) for document in window]
        for ref in (spec.suspects, spec.controls)
    ]
    hashes = [{text_hash(d.text): d for d in own} for own in texts]
    shared = hashes[0].keys() & hashes[1].keys()
    suspects, controls = ([d for h, d in own.items() if h not in shared] for own in hashes)
    for name, own in (("suspects", suspects), ("controls", controls)):
        if len(own) < _MIN_DOCUMENTS:
            raise InputError(
                f"at least {_MIN_DOCUMENTS} different {name} that are not in the other set too",
                f"{len(own)}",
                "give more documents, and none that is in both sets",
            )
    n_kept = len(suspects) + len(controls)
    return _Sets(
        [*suspects, *controls],
        np.arange(n_kept) < len(suspects),
        sum(map(len, texts)) - n_kept,
    )


@dataclass(frozen=True)
class _Test:
    """The checks and, unless one refuses, the test; fields as in ``SuspectResult``."""

    checks: tuple[SetCheck, ...]
    is_refused: bool
    constant: tuple[str, ...]
    p_value: float | None = None
    auc: Interval | None = None
    components: tuple[ScorePart, ...] = ()
    scores: ScoresBySet | None = None
    p_values: PValuesByPart | None = None
    n_at_least: int | None = None


def _tested(
    spec: SuspectSpec,
    sets: _Sets,
    scores: SuspectScores,
    progress: Progress,
) -> _Test:
    is_suspect, declared = sets.is_suspect, scores.declared
    texts = [document.text for document in sets.documents]
    with progress.stage("test", 0):
        lengths = np.array([len(text) for text in texts], float)
        refusing = [
            separability_by_words(texts, is_suspect, spec.seed),
            separability_by("length", lengths, is_suspect),
        ]
        warning = separability_by("loss under the base model", scores.base_losses, is_suspect)
        constant = tuple(constant_scores(declared))
        checks = (*(_check(one, is_refusal=True) for one in refusing), _check(warning, False))
        # Of scores that are all equal every shuffle gives the same, and no p-value.
        if any(one.is_separable for one in refusing) or len(constant) == len(declared):
            return _Test(checks, is_refused=True, constant=constant)
        ruled_out = scores.is_ruled_out
        result = used_test(declared, is_suspect, spec.seed, is_ruled_out=ruled_out)
        parts = {
            name: used_test({name: own}, is_suspect, spec.seed, is_ruled_out=ruled_out)
            for name, own in declared.items()
            if name not in constant
        }
    return _Test(
        checks,
        is_refused=False,
        constant=constant,
        p_value=result.p_value,
        auc=result.auc,
        components=tuple(
            ScorePart(**asdict(part.auc), name=name, p_value=part.p_value)
            for name, part in parts.items()
        ),
        scores=ScoresBySet(*_by_set(combined(declared).tolist(), sets)),
        p_values=PValuesByPart(result.by_mean, result.by_highest),
        n_at_least=result.n_at_least,
    )


def _ruled_out(scores: SuspectScores, sets: _Sets) -> RuledOut | None:
    if scores.is_ruled_out is None:
        return None
    suspects, controls = (
        int(scores.is_ruled_out[own].sum()) for own in (sets.is_suspect, ~sets.is_suspect)
    )
    return RuledOut(suspects, controls)


def _by_set(values: Sequence[_One], sets: _Sets) -> tuple[tuple[_One, ...], tuple[_One, ...]]:
    """One value per document, suspects separate from controls, in the same order throughout."""
    pairs = list(zip(values, sets.is_suspect, strict=True))
    return (
        tuple(value for value, suspect in pairs if suspect),
        tuple(value for value, suspect in pairs if not suspect),
    )


def _check(check: Check, is_refusal: bool) -> SetCheck:
    return SetCheck(
        **asdict(check.auc), name=check.name, is_apart=check.is_separable, is_refusal=is_refusal
    )
