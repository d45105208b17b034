"""One decompression from its question to its sealed file."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.decompressions import seal, sealed_decompression
from cache.home import Store
from cache.journal import Journal
from cache.locks import waiting_lock
from core.audit.embed import Embedder
from core.audit.provenance import environment
from core.decompress import prompts
from core.decompress.backends.open import FoundModel, find_model
from core.decompress.backends.protocol import Backend
from core.decompress.checks import check
from core.decompress.examples import write_examples
from core.decompress.grow import grow
from core.decompress.marks import mark_all
from core.decompress.quality import heuristic_grades
from core.decompress.runner import Runner
from core.decompress.support import measure_support
from core.decompress.topics import TopicTree
from core.decompression import TREE_SHARE, DecompressionSpec, Prompting, title_of, to_plain
from core.device import Compute
from core.maths.support import null_line
from core.progress import Progress, SilentProgress
from core.specs import content_key

# Raise it when the same answers would give another result.
_VERSION = 2
# Models smaller than this answer better in plain lines than in JSON.
_SMALL = 1_000_000_000


@dataclass(frozen=True)
class Outcome:
    """Where a decompression is, and whether it was there before."""

    decompression_id: str
    path: Path
    was_there: bool
    counts: dict[str, int]


def decompress(
    spec: DecompressionSpec,
    store: Store,
    compute: Compute,
    progress: Progress,
    on_id: Callable[[str], None] = lambda decompression_id: None,
) -> Outcome:
    """Walk a model's topics, and seal what was found.

    A complete decompression of the same question is returned as it is; a killed one goes on
    where it was, without asking anything twice. InputError for unusable input.
    """
    check(spec)
    found = find_model(spec.model, spec.served_model, store.models)
    run_id = run_id_of(spec, found)
    on_id(run_id)
    lock = store.building / f"{run_id}.lock"
    with waiting_lock(lock, lambda: progress.note("waiting for the same decompression")):
        sealed = sealed_decompression(store, run_id)
        if sealed:
            return Outcome(run_id, sealed, True, {})
        with progress.stage("load model", 0):
            backend = found.open(compute)
        try:
            with Journal(store, found.identity.sha256, run_id) as journal:
                return _run(spec, run_id, backend, journal, store, compute, progress)
        finally:
            backend.close()


def run_id_of(spec: DecompressionSpec, found: FoundModel) -> str:
    """A name that depends on what is asked of which weights, and not on where they lie."""
    asked = {k: v for k, v in to_plain(spec).items() if k not in ("model", "title")}
    key = content_key(_VERSION, prompts.VERSION, found.identity.sha256, asked)
    slug = re.sub(r"[^a-z0-9]+", "-", found.identity.name.lower()).strip("-")[-24:].strip("-")
    return f"{slug or 'model'}-{key[:12]}"


def _run(
    spec: DecompressionSpec,
    run_id: str,
    backend: Backend,
    journal: Journal,
    store: Store,
    compute: Compute,
    progress: Progress,
) -> Outcome:
    prompting = spec.prompting or _prompting_for(backend)
    model, traits = asdict(backend.identity), asdict(backend.traits)
    journal.begin({"title": title_of(spec), "model": model, "spec": to_plain(spec)})
    embedder = Embedder(compute)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return embedder.embed(texts, SilentProgress())

    tree = TopicTree(embed, spec.merge_cosine, prompts.ROOT_NAME)
    runner = Runner(backend, journal, progress, spec.budget_calls, spec.budget_tokens)
    n_kept_back = round((spec.budget_calls or 0) * (1 - TREE_SHARE)) if spec.n_examples else 0
    grow(tree, spec, prompting, runner, n_kept_back, progress)
    # One example a topic comes before knowing how well each is supported.
    n_kept_back = len(tree.topics) - 1 if spec.n_examples else 0
    null = measure_support(tree, spec, prompting, runner, n_kept_back, progress)
    examples = write_examples(tree, spec, prompting, runner, progress)
    with progress.stage("marks", 0):
        marks, grades = mark_all(examples), heuristic_grades(examples, embed)
    counts = {
        "n_topics": len(tree.topics) - 1,
        "n_links": len(tree.links),
        "n_examples": len(examples),
        "n_flagged": len({mark.example_id for mark in marks if mark.is_flagged}),
        "n_calls": runner.n_calls,
        "n_tokens": runner.n_tokens,
    }
    with progress.stage("seal", 0):
        meta = {
            "title": title_of(spec),
            "created_at": datetime.datetime.now(datetime.UTC).isoformat(),
            "spec": to_plain(spec),
            "prompting": prompting,
            "model": model,
            "traits": traits,
            "counts": counts,
            "support_lines": {
                kind: null_line([one.value for one in null if one.kind == kind])
                for kind in ("votes", "contrast")
            },
            "provenance": environment(compute),
        }
        calls = journal.used_calls()
        tables = {
            "calls": calls,
            "topics": _columns(tree.topics),
            "topic_links": _numbered(tree.links, "link_id"),
            "null_support": _numbered(null, "null_id"),
            "examples": _columns(examples),
            "marks": _columns(marks),
            "grades": _columns(grades),
        }
        path = seal(store, run_id, meta, tables)
        journal.end()
    return Outcome(run_id, path, False, {**counts, "n_asked": runner.n_asked})


def _prompting_for(backend: Backend) -> Prompting:
    n_parameters = backend.identity.n_parameters
    is_small = n_parameters is not None and n_parameters < _SMALL
    if backend.traits.has_raw_prompts and (is_small or not backend.traits.has_chat):
        return Prompting.LINES
    return Prompting.JSON


def _columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of dataclass instances of one type; none without any."""
    if not rows:
        return {}
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(rows[0])}


def _numbered(rows: Sequence[Any], number: str) -> dict[str, list[Any]]:
    return {number: list(range(len(rows))), **_columns(rows)} if rows else {}
