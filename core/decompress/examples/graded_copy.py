"""A judge model's grades, added to a decompression during its run or afterwards."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any

from assay.cache.annotations.annotations import Annotated, copy_annotations
from assay.cache.decompressions.files import Contents, read_contents, seal
from assay.cache.decompressions.journal import Journal
from assay.cache.decompressions.read import decompression_path
from assay.cache.files.locks import waiting_lock
from assay.cache.files.sealed import sealed_decompression
from assay.cache.store import Store
from assay.core.decompress import prompts
from assay.core.decompress.backends.base import prompting_for
from assay.core.decompress.backends.find import FoundModel, find_model
from assay.core.decompress.budget import Budget
from assay.core.decompress.client import ModelClient
from assay.core.decompress.examples.generation import Example
from assay.core.decompress.examples.llm_judge import control_of, judge_examples, judge_mismatched
from assay.core.decompress.table_rows import columns, followed_by
from assay.core.errors import InputError
from assay.core.runtime.device import Compute
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.progress import Progress
from assay.core.specs.addresses import without_password
from assay.core.specs.decompression import Axis, Difficulty, GradeSpec, Prompting, Style
from assay.core.specs.hashing import content_key
from assay.core.specs.place_names import name_of
from assay.core.specs.results.decompression import JudgeFacts

# Raise it when the same answers would give another result, or the file another format.
_VERSION = 2


def grade_sealed(
    spec: GradeSpec,
    store: Store,
    compute: Compute,
    progress: Progress,
    on_id: Callable[[str], None] = lambda decompression_id: None,
) -> Outcome:
    """Grade a sealed decompression into a new file; the first one is unchanged.

    The decompressed model is not needed. Annotations are copied. InputError if there is nothing to
    grade, or if this judge has graded it already.
    """
    source = decompression_path(store, spec.decompression_id)
    found = find_model(spec.judge, spec.judge_served_model, store.models)
    graded_id = _id_of(spec, found)
    on_id(graded_id)
    lock = store.building / f"{graded_id}.lock"
    with waiting_lock(lock, lambda: progress.note("waiting for the same grades")):
        sealed = sealed_decompression(store, graded_id)
        if sealed:
            return Outcome(graded_id, sealed, True, {})
        contents = read_contents(source)
        _check(spec, found, contents)
        budget = Budget(spec.budget_calls, spec.budget_tokens)
        contents = graded(
            contents, found, spec.prompting, graded_id, store, budget, compute, progress
        )
        with progress.stage("seal", 0):
            meta = replace(
                contents.meta,
                title=f"{contents.meta.title}, graded by {name_of(found.identity.name)}",
                created_at=datetime.datetime.now(datetime.UTC).isoformat(),
                graded_from=spec.decompression_id,
            )
            source_of, copy_of = map(Annotated.decompression, (spec.decompression_id, graded_id))
            copy_annotations(store, source_of, copy_of)
            path = seal(store, graded_id, Contents(meta, contents.tables))
    return Outcome(graded_id, path, False, {**asdict(meta.counts), "n_asked": budget.n_asked})


def graded(
    contents: Contents,
    found: FoundModel,
    prompting: Prompting | None,
    run_id: str,
    store: Store,
    budget: Budget,
    compute: Compute,
    progress: Progress,
) -> Contents:
    """The same contents with a judge's grades, its calls, and how reliable it is.

    The judge has its own journal, so nothing is asked twice; ``run_id`` names the run.
    """
    meta, tables = contents.meta, contents.tables
    examples = examples_of(tables.get("examples", {}))
    n_tokens = budget.n_tokens
    with progress.stage("load judge", 0):
        backend = found.open(compute)
    with (
        closing(backend),
        Journal(store, found.identity.answers_sha256, f"{run_id}-judge") as journal,
    ):
        asked_as = prompting or prompting_for(backend.identity, backend.traits)
        journal.begin({"title": f"{meta.title}, graded by {name_of(found.identity.name)}"})
        runner = ModelClient(backend, journal, progress, budget)
        seed = meta.asked.seed
        grades = judge_examples(examples, asked_as, runner, seed, progress)
        n_graded = len(grades) // len(Axis)
        controls = judge_mismatched(examples[:n_graded], asked_as, runner, seed, progress)
        calls = journal.used_calls()
        journal.end()
    n_before = len(tables.get("calls", {}).get("position", ()))
    calls = {**calls, "position": [n_before + at for at in range(len(calls["position"]))]}
    judge = JudgeFacts(
        **asdict(found.identity),
        label=found.identity.label,
        prompting=asked_as,
        traits=asdict(backend.traits),
        n_graded=n_graded,
        n_unreadable=sum(grade.score is None for grade in grades) // len(Axis),
        control=control_of(grades, controls),
    )
    counts = replace(
        meta.counts,
        n_calls=meta.counts.n_calls + len(calls["call_key"]),
        n_unanswered=meta.counts.n_unanswered + runner.unanswered.n_refused,
        n_tokens=meta.counts.n_tokens + budget.n_tokens - n_tokens,
    )
    return Contents(
        replace(
            meta,
            counts=counts,
            unanswered_words=(*meta.unanswered_words, *runner.unanswered.words),
            judges=(*meta.judges, judge),
            headline_judge=found.identity.label,
        ),
        {
            **tables,
            "calls": followed_by(tables.get("calls", {}), calls),
            "grades": followed_by(tables.get("grades", {}), columns(grades)),
            "control_grades": followed_by(tables.get("control_grades", {}), columns(controls)),
        },
    )


def _id_of(spec: GradeSpec, found: FoundModel) -> str:
    asked = (spec.prompting, spec.budget_calls, spec.budget_tokens)
    key = content_key(
        _VERSION, prompts.VERSION, spec.decompression_id, found.identity.answers_sha256, asked
    )
    return f"{spec.decompression_id.rsplit('-', 1)[0]}-{key[:12]}"


def _check(spec: GradeSpec, found: FoundModel, contents: Contents) -> None:
    if not contents.tables.get("examples"):
        raise InputError(
            "a decompression with examples",
            f"{spec.decompression_id}, which has none",
            "choose another",
        )
    if found.identity.label in {judge.label for judge in contents.meta.judges}:
        raise InputError(
            "a judge that has not graded this decompression yet",
            found.identity.label,
            f"choose a judge other than {without_password(spec.judge)!r}",
        )


def examples_of(table: Mapping[str, Sequence[Any]]) -> list[Example]:
    """Examples, from their columns."""
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return [
        Example(
            **{**row, "style": Style(row["style"]), "difficulty": Difficulty(row["difficulty"])}
        )
        for row in rows
    ]
