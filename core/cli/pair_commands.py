"""What the commands that ask a question of a model pair share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.cache.audits.read import read_facts, read_metrics, read_titration
from assay.cache.decompressions.as_corpus import SAID, TASK, decompressed_corpus
from assay.cache.store import Store
from assay.core.cli.config_option import as_recorded
from assay.core.cli.options import RunningOrQueued, as_job, rows_of, say
from assay.core.errors import InputError
from assay.core.specs.addresses import has_password
from assay.core.specs.audit import Assessability, AuditSpec
from assay.core.specs.data import DECOMPRESSION, DataRef
from assay.core.specs.option_groups import Lookups
from assay.core.specs.training import TrainingSpec

# The exit status of an audit that is done, and says that nothing can be said.
NOT_ASSESSABLE = 3


def answer(
    spec: AuditSpec,
    how: RunningOrQueued,
    findings: Callable[[Path], dict[str, Any]] = lambda path: {},
) -> None:
    """Run the audit as a job, here or in the background, and say where it is.

    ``findings``: what else to say of the sealed file.
    """
    from assay.core.audit.resolved_audit import title_of

    if how.queue:
        queue_this(how.place, title_of(spec), how.as_json)
        return
    from assay.core.audit.durations import audit_plan
    from assay.core.audit.run import run_audit
    from assay.core.runtime.device import choose_compute

    with as_job(how.place, title_of(spec), audit_plan(spec)) as progress:
        outcome = run_audit(
            spec,
            how.place,
            choose_compute(how.device, how.precision),
            progress,
            progress.attach_result,
        )
    said = outcome_of(outcome)
    say({**said, **findings(outcome.path)}, how.as_json, lambda: figures_of(outcome.path))
    if said["assessability"] == Assessability.NOT_ASSESSABLE:
        raise typer.Exit(NOT_ASSESSABLE)


@dataclass(frozen=True)
class StoreLookups(Lookups):
    """What options leave to be looked up in a store and in the models' folders."""

    store: Store

    def corpus(
        self, location: str, text_column: str, prompt_column: str | None, sample: int | None
    ) -> DataRef:
        """A place as any other, or ``decompression:NAME``, what a decompressed model said.

        InputError if the store has no such decompression.
        """
        if not location.startswith(DECOMPRESSION):
            return super().corpus(location, text_column, prompt_column, sample)
        file = decompressed_corpus(self.store, location.removeprefix(DECOMPRESSION))
        return DataRef(str(file), SAID, None, sample, TASK if prompt_column else None, location)

    def recorded_training(self, base: str, final: str) -> TrainingSpec | None:
        """What `assay finetune` recorded of the final model."""
        from assay.core.models.resolve import resolve_model
        from assay.core.models.training_record import TrainingRecord

        base_folder = resolve_model(base, self.store.models)
        record = TrainingRecord.read(resolve_model(final, self.store.models, base_folder))
        return record.training if record else None


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


def figures_of(path: Path) -> dict[str, Any]:
    """Every figure of a sealed audit, as rows of the tables that have some."""
    tables = {
        "metrics": read_metrics(path),
        "titration": read_titration(path),
        "groups": read_groups(path),
        "source_students": read_source_students(path),
    }
    facts = read_facts(path)
    return {
        "counts": facts.meta.get("counts", {}),
        "model_facts": facts.model_facts,
        **{name: rows_of(frame) for name, frame in tables.items() if len(frame)},
    }


def queue_this(store: Store, title: str, as_json: bool) -> None:
    """Run the command that was given as a job in the background, and say its number."""
    from assay.cache.jobs import JobTable
    from assay.core.jobs.worker import ensure_worker

    command = [word for word in as_recorded(sys.argv[1:]) if word != "--queue"]
    if any(map(has_password, command)):
        raise InputError(
            "with --queue an address without a password, since what is queued is kept",
            "one with a password",
            "leave --queue out, or set ASSAY_API_KEY where the dashboard's worker is started",
        )
    job_id = JobTable(store).submit(command, title)
    ensure_worker(store)
    say({"job_id": job_id}, as_json)
