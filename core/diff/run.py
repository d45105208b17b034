"""`assay diff`: two decompressions compared, from their files to a sealed one."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from assay.cache.diffs.read import seal_diff
from assay.cache.files.database import kept_open
from assay.cache.files.sealed import sealed_diff
from assay.cache.store import Store
from assay.core.audit.provenance import environment
from assay.core.diff.caveats import caveats
from assay.core.diff.compare import Compared, compare
from assay.core.diff.decompressions import Run, find_run, read_run
from assay.core.diff.embedded_names import Names
from assay.core.diff.noise_runs import RunPair, check_alike, found_noise, given_noise, noise_command
from assay.core.diff.significance import Row, judged_branches, judged_examples, judged_topics
from assay.core.models.digests import file_digest
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.progress import Progress
from assay.core.specs.diff import Change, Quantity
from assay.core.specs.hashing import content_key
from assay.core.specs.results.diff import DiffCounts, DiffResult, RunFacts

# Raise it when the same files would give another result.
_VERSION = 1


def diff(
    first: str, second: str, noise: str | None, store: Store, compute: Compute, progress: Progress
) -> Outcome:
    """Compare two decompressions, given by name or file, and seal the result.

    ``noise`` names another run of either model; None looks for some in the store. InputError for
    runs that cannot be compared.
    """
    with progress.stage("read", 0), kept_open():
        one, other = (read_run(find_run(store, name)) for name in (first, second))
        check_alike(one, other)
        pairs = [given_noise(noise, one, other, store)] if noise else found_noise(one, other, store)
    diff_id = _id_of([RunPair(one, other), *pairs])
    sealed = sealed_diff(store, diff_id)
    if sealed:
        return Outcome(diff_id, sealed, True)
    embed = Embedder(compute).embed
    names = Names(embed, one.spec.merge_cosine)
    with progress.stage("compare", 1 + len(pairs)):
        found = []
        for pair in (RunPair(one, other), *pairs):
            found.append(compare(pair.first, pair.second, names, embed))
            progress.advance()
    with progress.stage("judge", 0):
        command = f"assay diff {one.name} {other.name}"
        if noise:
            command += f" --noise {pairs[0].second.name}"
        provenance = {**environment(compute), "command": command}
        meta, tables = _judged(found[0], found[1:], provenance)
    with progress.stage("seal", 0):
        return Outcome(diff_id, seal_diff(store, diff_id, meta, tables), False)


def _id_of(pairs: Sequence[RunPair]) -> str:
    """A name that depends only on the contents of the files."""
    digests = [[file_digest(run.path) for run in (pair.first, pair.second)] for pair in pairs]
    return f"diff-{content_key('diff', _VERSION, digests)[:12]}"


def _judged(
    models: Compared, noise: Sequence[Compared], provenance: dict[str, Any]
) -> tuple[DiffResult, dict[str, dict[str, list[Any]]]]:
    """What the file says about itself, and its tables."""
    topics, examples = judged_topics(models, noise), judged_examples(models, noise)
    support, quality = (judged_branches(models, noise, quantity) for quantity in Quantity)
    reported = [row for row in topics.models if row["is_reported"]]
    changes = {f"n_{c}": sum(row["change"] == c for row in reported) for c in Change}
    branches = [*support.models, *quality.models]
    first, second = _about(models.first), _about(models.second)
    meta = DiffResult(
        title=f"{first.title} → {second.title}",
        created_at=datetime.datetime.now(datetime.UTC).isoformat(),
        provenance=provenance,
        first=first,
        second=second,
        noise=tuple((_about(one.first), _about(one.second)) for one in noise),
        topics=topics.facts,
        examples=examples.facts,
        support=support.facts,
        quality=quality.facts,
        counts=DiffCounts(
            n_questions=models.n_questions,
            n_topics=len(topics.models),
            n_left_out=models.n_left_out,
            n_examples_reported=sum(row["is_reported"] for row in examples.models),
            n_gaps=sum(row["is_reported"] for row in branches),
            **changes,
        ),
        caveats=tuple(caveats(first, second)),
        noise_command=noise_command(models.first, models.second),
    )
    of_noise = [[*one, *other] for one, other in zip(support.noise, quality.noise, strict=True)]
    tables = {
        "topics": _table(topics.models, topics.noise),
        "examples": _table(examples.models, examples.noise),
        "branches": _table(branches, of_noise),
    }
    return meta, tables


def _about(run: Run) -> RunFacts:
    model = run.meta.model
    return RunFacts(
        id=run.name,
        title=run.meta.title,
        seed=run.spec.seed,
        model=model.name,
        backend=model.backend,
        sha256=model.sha256,
        is_weights_hash=model.is_weights_hash,
        n_parameters=model.n_parameters,
        judge=run.judge,
        line=run.line,
    )


def _table(models: list[Row], noise: list[list[Row]]) -> dict[str, list[Any]]:
    """All rows as columns, paths as text; pair 0 is the two models."""
    numbered = [{"pair": pair, **row} for pair, rows in enumerate([models, *noise]) for row in rows]
    if not numbered:
        return {}
    columns = {name: [_plain(row[name]) for row in numbered] for name in numbered[0]}
    return {"row_id": list(range(len(numbered))), **columns}


def _plain(value: Any) -> Any:
    return " > ".join(value) if isinstance(value, tuple) else value
