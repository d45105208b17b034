"""Whether a model's answers echo its training data, compared with its base model's answers."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.read import audit_path, read_facts
from assay.cache.audits.texts import (
    Texts,
    read_candidates,
    read_held_out,
    read_reference,
    read_selected,
)
from assay.cache.decompressions.as_corpus import SAID, read_said
from assay.cache.decompressions.read import decompression_path, read_decompression
from assay.cache.store import Store
from assay.core.audit.provenance import environment
from assay.core.audit.stages.embeddings import embed_documents
from assay.core.decompress.comparability import differing_settings
from assay.core.errors import InputError
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import Progress
from assay.core.similarity.near_duplicates import near_duplicates
from assay.core.similarity.verbatim import longest_shared_runs, more_often
from assay.core.specs.commands import DECOMPRESS, command_line
from assay.core.specs.echo import EchoSpec
from assay.core.specs.hashing import content_key
from assay.core.specs.results.decompression import DecompressionResult
from assay.core.specs.results.echo import EchoResult, EchoRow
from assay.core.specs.strategies import Strategy
from assay.core.stats.transport_test import N_SHUFFLES, compare_transport

# Raise it when the same question would give other numbers.
_VERSION = 1
# Larger sets are sampled to this size: two hundred transports per target must not take minutes.
MOST_DOCUMENTS = 500
# A run of this many words counts as verbatim.
VERBATIM_WORDS = 8
_MAY_DIFFER = ("model", "served_model", "judge", "judge_served_model", "title", "seed")


@dataclass(frozen=True)
class EchoTarget:
    """Documents that two models' answers are compared with; fields as in ``EchoRow``."""

    kind: str
    strategy: Strategy | None = None


@dataclass(frozen=True)
class _Said:
    """One model's answers: n texts, the topic of each, and their embeddings (n × d)."""

    texts: list[str]
    branches: NDArray[np.int64]
    vectors: NDArray[np.float32]


def run_echo(spec: EchoSpec, store: Store, compute: Compute, progress: Progress) -> EchoResult:
    """The record of the comparison: computed once, stored under a key of its question.

    InputError if a name is unknown, if the two models were asked in different ways, if one has no
    answers, or if the audit stores no embeddings.
    """
    audit = audit_path(store, spec.audit)
    paths = [decompression_path(store, name) for name in (spec.decompression, spec.control)]
    metas = [read_decompression(path) for path in paths]
    _check_asked_alike(metas)
    echo_id = f"echo-{content_key('echo', _VERSION, asdict(spec))[:12]}"
    known = store.echoes.read(echo_id)
    if known is not None:
        return known
    with progress.stage("read documents", 0):
        targets = _targets(audit, spec.seed)
    frames = [_sampled(read_said(path), path.stem, spec) for path in paths]
    with progress.stage("embed", sum(map(len, frames))):
        said, control = (
            _Said(
                frame[SAID].tolist(),
                frame["branch"].to_numpy(np.int64),
                embed_documents(frame[SAID].tolist(), store, compute, progress),
            )
            for frame in frames
        )
    with progress.stage("compare", len(targets) * N_SHUFFLES):
        rows = [
            _compared(target, said, control, texts, spec.seed, progress)
            for target, texts in targets
        ]
    facts = read_facts(audit).meta
    record = EchoResult(
        echo_id=echo_id,
        title=f"{metas[0].title} against {facts.title}",
        created_at=datetime.datetime.now(datetime.UTC).isoformat(),
        spec=asdict(spec),
        audit_title=facts.title,
        models=tuple(meta.model.name for meta in metas),
        n_said=len(said.texts),
        n_control=len(control.texts),
        n_shuffles=N_SHUFFLES,
        verbatim_words=VERBATIM_WORDS,
        targets=tuple(rows),
        caveats=tuple(_caveats(metas, facts.provenance)),
        provenance={
            "said_sha256": metas[0].model.sha256,
            "control_sha256": metas[1].model.sha256,
            "command": command_line(spec),
            **environment(compute),
        },
    )
    store.echoes.write(record)
    return record


def _check_asked_alike(metas: Sequence[DecompressionResult]) -> None:
    first, second = metas
    settings = [name for name in DECOMPRESS.flags if name not in _MAY_DIFFER]
    differing = differing_settings(first, second, settings)
    if differing:
        raise InputError(
            "two decompressions made with the same options",
            differing,
            "decompress the base model with the final model's options",
        )


def _targets(audit: Path, seed: int) -> list[tuple[EchoTarget, Texts]]:
    """All sets of documents that the two models can be compared with."""
    facts = read_facts(audit)
    held_out = facts.spec.held_out_source
    found: list[tuple[EchoTarget, Texts]] = []
    try:
        found.append((EchoTarget("seed-corpus"), read_candidates(audit)))
        if facts.spec.reference:
            found.append((EchoTarget("reference"), read_reference(audit)))
        if held_out:
            found.append((EchoTarget("held-out"), read_held_out(audit, held_out)))
        found += [
            (EchoTarget("selection", strategy), read_selected(audit, strategy))
            for strategy in facts.strategies
        ]
    except ValueError as error:
        raise InputError(
            "an audit with sentence embeddings", str(error), "choose one made by `assay audit`"
        ) from error
    generator = np.random.default_rng(seed)
    return [(target, _drawn(texts, generator)) for target, texts in found if texts.texts]


def _drawn(texts: Texts, generator: np.random.Generator) -> Texts:
    kept = np.sort(generator.permutation(len(texts.texts))[:MOST_DOCUMENTS])
    return Texts(tuple(texts.texts[number] for number in kept), texts.embeddings[kept])


def _sampled(frame: Any, name: str, spec: EchoSpec) -> Any:
    if frame.empty:
        raise InputError(
            "decompressions with examples",
            f"none in {name!r}",
            "decompress the model again with --examples 2",
        )
    if len(frame) <= MOST_DOCUMENTS:
        return frame
    return frame.sample(MOST_DOCUMENTS, random_state=spec.seed).sort_index()


def _compared(
    target: EchoTarget, said: _Said, control: _Said, texts: Texts, seed: int, progress: Progress
) -> EchoRow:
    """Transport of both to one target with its chance range, and shared runs of words."""
    near = compare_transport(
        said.vectors,
        control.vectors,
        texts.embeddings,
        said.branches,
        control.branches,
        seed,
        progress.advance,
    )
    runs = [longest_shared_runs(one.texts, texts.texts) for one in (said, control)]
    verbatim = [sum(length >= VERBATIM_WORDS for length in own) for own in runs]
    alike = [
        len({pair.first for pair in near_duplicates(one.texts, texts.texts)})
        for one in (said, control)
    ]
    return EchoRow(
        kind=target.kind,
        strategy=target.strategy,
        n_documents=len(texts.texts),
        said=near.first,
        control=near.second,
        null_low=near.null_low,
        null_high=near.null_high,
        p_value=near.p_value,
        verbatim=(verbatim[0], verbatim[1]),
        longest_run=(max(runs[0]), max(runs[1])),
        near_duplicates=(alike[0], alike[1]),
        verbatim_p_value=more_often(verbatim[0], verbatim[1], len(said.texts), len(control.texts)),
    )


def _caveats(metas: Sequence[DecompressionResult], provenance: dict[str, Any]) -> list[str]:
    """What else than the audited pair the comparison may depend on."""
    found = []
    for meta, role in zip(metas, ("final", "base"), strict=True):
        if meta.model.sha256 != provenance.get(f"{role}_weights_sha256"):
            found.append(
                f"{meta.model.name} may not have the weights of the audit's {role} model: "
                "the hashes differ, as they do for converted or served models."
            )
    backends = [meta.model.backend for meta in metas]
    if backends[0] != backends[1]:
        found.append(
            f"The two decompressions used {' and '.join(backends)}; it is unknown whether both "
            "sample alike."
        )
    return found
