"""What the commands that ask a question of a model pair share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.cache.audits.read import read_facts
from assay.cache.decompressions.as_corpus import SAID, TASK, decompressed_corpus
from assay.cache.store import Store
from assay.core.cli.options import as_job, say, split_words
from assay.core.data.place import data_ref
from assay.core.errors import InputError
from assay.core.specs.addresses import has_password
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DECOMPRESSION, DataRef
from assay.core.specs.training import TrainingSpec


def answer(
    spec: AuditSpec,
    store: Store,
    device: str | None,
    precision: str,
    queue: bool,
    as_json: bool,
    findings: Callable[[Path], dict[str, Any]] = lambda path: {},
) -> None:
    """Run the audit as a job, here or in the background, and say where it is.

    ``findings``: what else to say of the sealed file.
    """
    from assay.core.audit.resolved_audit import title_of

    if queue:
        queue_this(store, title_of(spec), as_json)
        return
    from assay.core.audit.durations import audit_plan
    from assay.core.audit.run import run_audit
    from assay.core.runtime.device import choose_compute

    with as_job(store, title_of(spec), audit_plan(spec)) as progress:
        outcome = run_audit(
            spec, store, choose_compute(device, precision), progress, progress.attach_result
        )
    say({**outcome_of(outcome), **findings(outcome.path)}, as_json)


def known_data(
    location: str | None,
    text_column: str,
    label_column: str | None,
    sample: int | None,
    prompt_column: str | None,
    label_names: str | None = None,
) -> DataRef | None:
    """Data known to be true, where a place was given."""
    if not location:
        return None
    names = split_words(label_names)
    return data_ref(location, text_column, label_column, sample, prompt_column, label_names=names)


def candidate_data(
    location: str,
    store: Store,
    text_column: str,
    prompt_column: str | None,
    sample: int | None = None,
) -> DataRef:
    """Candidates: a place as any other, or ``decompression:NAME``, what a decompressed model said.

    InputError if the store has no such decompression.
    """
    if not location.startswith(DECOMPRESSION):
        return data_ref(location, text_column, None, sample, prompt_column)
    file = decompressed_corpus(store, location.removeprefix(DECOMPRESSION))
    return DataRef(str(file), SAID, None, sample, TASK if prompt_column else None, location)


def training_given(
    base: str, final: str, store: Store, options: Mapping[str, Any]
) -> TrainingSpec | None:
    """The options that were given, on top of what `assay finetune` recorded; None without any.

    Another optimizer than the recorded one comes with its own usual weight decay.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if not given:
        return None
    from assay.core.models.resolve import resolve_model
    from assay.core.models.training_record import TrainingRecord

    base_folder = resolve_model(base, store.models)
    record = TrainingRecord.read(resolve_model(final, store.models, base_folder))
    known = record.training if record else TrainingSpec()
    optimizer = given.get("optimizer", known.optimizer)
    if optimizer != known.optimizer:
        known = replace(known, weight_decay=optimizer.usual_decay)
    return replace(known, **given)


def outcome_of(outcome: Any) -> dict[str, Any]:
    """What a command prints of an audit: whether it could be made first of all."""
    assessment = read_facts(outcome.path).meta["assessment"]
    return {
        "audit": outcome.id,
        "path": str(outcome.path),
        "assessability": assessment["verdict"],
        "reasons": assessment["reasons"],
        "was_there": outcome.was_there,
    }


def queue_this(store: Store, title: str, as_json: bool) -> None:
    """Run the command that was given as a job in the background, and say its number."""
    from assay.cache.jobs import JobTable
    from assay.core.jobs.worker import ensure_worker

    command = [word for word in sys.argv[1:] if word != "--queue"]
    if any(map(has_password, command)):
        raise InputError(
            "with --queue an address without a password, since what is queued is kept",
            "one with a password",
            "leave --queue out, or set ASSAY_API_KEY where the dashboard's worker is started",
        )
    job_id = JobTable(store).submit(command, title)
    ensure_worker(store)
    say({"job_id": job_id}, as_json)
