"""One decompression from its options to its sealed file."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any

from assay.cache.decompressions.files import Contents, seal
from assay.cache.decompressions.journal import Journal
from assay.cache.files.locks import waiting_lock
from assay.cache.files.sealed import sealed_decompression
from assay.cache.store import Store
from assay.core.audit.provenance import environment
from assay.core.decompress import prompts
from assay.core.decompress.backends.base import Backend, prompting_for
from assay.core.decompress.backends.find import FoundModel, find_model
from assay.core.decompress.backends.words import quoted
from assay.core.decompress.budget import Budget, calls_to_judge
from assay.core.decompress.client import ModelClient
from assay.core.decompress.examples.generation import write_examples
from assay.core.decompress.examples.graded_copy import graded
from assay.core.decompress.examples.heuristic_grades import heuristic_grades
from assay.core.decompress.examples.quality_flags import flag_examples
from assay.core.decompress.table_rows import columns, numbered
from assay.core.decompress.tree.expansion import grow
from assay.core.decompress.tree.support import measure_support
from assay.core.decompress.tree.tree import TopicTree
from assay.core.decompress.validation import check_samples_differ, remarks
from assay.core.errors import AssayError
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.progress import Progress
from assay.core.specs.decompression import (
    HEURISTIC_JUDGE,
    DecompressionSpec,
    ParseOutcome,
    Prompting,
    kept_spec,
    title_of,
)
from assay.core.specs.decompression_checks import calls_of_examples, check_decompression
from assay.core.specs.hashing import content_key
from assay.core.specs.place_names import name_of
from assay.core.specs.results.decompression import (
    DecompressionCounts,
    DecompressionResult,
    SupportLines,
)
from assay.core.stats.noise_floor import null_line

# Raise it when the same answers would give another result, or the file another format.
_VERSION = 5
# Fields that only say where models are; digests of the weights identify them better. Another engine
# reads other or converted files.
_NOT_ASKED = {"model", "also_at", "engine", "title", "judge", "judge_served_model"}


def decompress(
    spec: DecompressionSpec,
    store: Store,
    compute: Compute,
    progress: Progress,
    on_id: Callable[[str], None] = lambda decompression_id: None,
) -> Outcome:
    """Decompress a model, and seal the result.

    A complete decompression with the same options is returned unchanged; a killed one continues
    where it was, without asking anything twice. InputError for unusable input; AssayError, and
    nothing sealed, if the model does not answer or names no topic.
    """
    check_decompression(spec)
    found = find_model(spec.model, spec.served_model, store.models, spec.engine, spec.also_at or ())
    judge = find_model(spec.judge, spec.judge_served_model, store.models) if spec.judge else None
    run_id = run_id_of(spec, found, judge)
    on_id(run_id)
    lock = store.building / f"{run_id}.lock"
    with waiting_lock(lock, lambda: progress.note("waiting for the same decompression")):
        sealed = sealed_decompression(store, run_id)
        if sealed:
            return Outcome(run_id, sealed, True, {})
        budget = Budget(spec.budget_calls, spec.budget_tokens)
        for caveat in found.caveats:
            progress.note(caveat)
        with Journal(store, found.identity.answers_sha256, run_id) as journal:
            with progress.stage("load model", 0):
                backend = found.open(compute)
            with closing(backend):
                contents = _walk(spec, backend, journal, budget, compute, progress)
            meta = replace(contents.meta, caveats=tuple(found.caveats))
            contents = Contents(meta, contents.tables)
            if judge:
                contents = graded(
                    contents, judge, spec.prompting, run_id, store, budget, compute, progress
                )
            with progress.stage("seal", 0):
                path = seal(store, run_id, contents)
                journal.end()
    counts = {**asdict(contents.meta.counts), "n_asked": budget.n_asked}
    return Outcome(run_id, path, False, counts)


def run_id_of(spec: DecompressionSpec, found: FoundModel, judge: FoundModel | None) -> str:
    """A name that depends on the options, the model's weights and its name, not on its folder."""
    asked = {k: v for k, v in kept_spec(spec).items() if k not in _NOT_ASKED}
    judged_by = judge.identity.answers_sha256 if judge else None
    key = content_key(_VERSION, prompts.VERSION, found.identity.answers_sha256, judged_by, asked)
    name = name_of(found.identity.name)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[-24:].strip("-")
    return f"{slug or 'model'}-{key[:12]}"


def _walk(
    spec: DecompressionSpec,
    backend: Backend,
    journal: Journal,
    budget: Budget,
    compute: Compute,
    progress: Progress,
) -> Contents:
    prompting = spec.prompting or prompting_for(backend.identity, backend.traits)
    check_samples_differ(spec, backend.traits)
    for remark in remarks(backend.traits):
        progress.note(remark)
    journal.begin(
        {"title": title_of(spec), "model": asdict(backend.identity), "spec": kept_spec(spec)}
    )
    embed = Embedder(compute).embed
    tree = TopicTree(embed, spec.merge_cosine, prompts.ROOT_NAME)
    runner = ModelClient(backend, journal, progress, budget)
    grow(tree, spec, prompting, runner, calls_of_examples(spec), progress)
    if len(tree.topics) == 1:
        journal.end()  # the same command would end the same way
        raise AssayError(_no_topics(spec, prompting, journal.used_calls()))
    # One example for each topic, and its grades, take precedence over measuring each topic's
    # support.
    n_first = len(tree.topics) - 1 if spec.n_examples else 0
    n_kept_back = n_first + (calls_to_judge(n_first) if spec.judge else 0)
    null = measure_support(tree, spec, prompting, runner, n_kept_back, progress)
    examples = write_examples(tree, spec, prompting, runner, progress)
    n_unanswered, n_asked = runner.unanswered.n_refused, runner.unanswered.n_asked
    if n_unanswered:
        progress.note(f"{n_unanswered:,} of {n_asked:,} questions got no answer and are left out")
    calls = journal.used_calls()
    with progress.stage("marks", 0):
        marks, grades = flag_examples(examples), heuristic_grades(examples, embed)
    lines = {
        kind: null_line([one.value for one in null if one.kind == kind])
        for kind in ("votes", "contrast")
    }
    meta = DecompressionResult(
        title=title_of(spec),
        created_at=datetime.datetime.now(datetime.UTC).isoformat(),
        spec=kept_spec(spec),
        prompting=prompting,
        model=backend.identity,
        traits=asdict(backend.traits),
        judges=(),
        headline_judge=HEURISTIC_JUDGE,
        counts=DecompressionCounts(
            n_topics=len(tree.topics) - 1,
            n_links=len(tree.links),
            n_examples=len(examples),
            n_flagged=len({mark.example_id for mark in marks if mark.is_flagged}),
            n_calls=len(calls["call_key"]),
            n_unanswered=n_unanswered,
            n_tokens=budget.n_tokens,
        ),
        unanswered_words=tuple(runner.unanswered.words),
        support_lines=SupportLines(**lines),
        provenance=environment(compute),
    )
    tables = {
        "calls": calls,
        "topics": columns(tree.topics),
        "topic_links": numbered(tree.links, "link_id"),
        "null_support": numbered(null, "null_id"),
        "examples": columns(examples),
        "marks": columns(marks),
        "grades": columns(grades),
    }
    return Contents(meta, tables)


def _no_topics(
    spec: DecompressionSpec, prompting: Prompting, calls: Mapping[str, Sequence[Any]]
) -> str:
    """Why nothing is sealed: how the lists were parsed, and the first of them."""
    texts, rungs = calls["text"], calls["rung"]
    n_read = sum(rung not in (ParseOutcome.FAILED, ParseOutcome.RETRY) for rung in rungs)
    other = Prompting.LINES if prompting is Prompting.JSON else Prompting.JSON
    first = f"; the first list is {quoted(texts[0], 200)}" if texts else ""
    return (
        f"No topic was found, so no result was written. {n_read:,} of {len(texts):,} lists of "
        f"subtopics could be read, and no name appeared in at least {spec.min_votes} of "
        f"{spec.n_samples} lists (--min-votes, --samples){first}. Try --prompting {other}, or a "
        "lower --temperature."
    )
