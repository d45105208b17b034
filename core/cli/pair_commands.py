"""Shared by the commands that analyse a model pair."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from assay.cache.store import Store
from assay.core.cli.config_option import as_recorded
from assay.core.cli.options import RunningOrQueued, rows_of, say
from assay.core.errors import OptionConflict
from assay.core.specs.addresses import has_password
from assay.core.specs.audit import Assessability, AuditSpec, title_of

# The exit status of an audit that is complete, with the result "not assessable".
NOT_ASSESSABLE = 3


def answer(
    spec: AuditSpec,
    how: RunningOrQueued,
    findings: Callable[[Path], dict[str, Any]] = lambda path: {},
) -> None:
    """Run the audit as a job, here or in the background, and report where it is.

    ``findings``: what else to report from the sealed file.
    """
    if how.queue:
        queue_this(how.place, title_of(spec), how.as_json)
        return
    from assay.core.audit.as_job import audit_as_job

    command = as_recorded(sys.argv[1:])
    outcome = audit_as_job(spec, how.place, how.device, how.precision, command)
    said = outcome_of(outcome)
    say({**said, **findings(outcome.path)}, how.as_json, lambda: figures_of(outcome.path))
    if said["assessability"] == Assessability.NOT_ASSESSABLE:
        raise typer.Exit(NOT_ASSESSABLE)


def outcome_of(outcome: Any) -> dict[str, Any]:
    """What a command prints about an audit; first of all whether the pair was assessable."""
    from assay.cache.audits.read import read_facts

    assessment = read_facts(outcome.path).meta["assessment"]
    return {
        "audit": outcome.id,
        "path": str(outcome.path),
        "assessability": assessment["verdict"],
        "reasons": assessment["reasons"],
        "was_there": outcome.was_there,
    }


def figures_of(path: Path) -> dict[str, Any]:
    """All numbers of a sealed audit, as rows of its tables that have any."""
    from assay.cache.audits.corpus_ranking import read_groups, read_source_students
    from assay.cache.audits.read import read_facts, read_metrics, read_titration

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
    """Run the given command as a job in the background, and print its number."""
    from assay.cache.jobs import JobTable
    from assay.core.jobs.worker import ensure_worker

    command = [word for word in as_recorded(sys.argv[1:]) if word != "--queue"]
    if any(map(has_password, command)):
        raise OptionConflict(
            "--queue stores the command, so the server's address must not contain a password",
            "an address with a password",
            "remove --queue, or set ASSAY_API_KEY where the dashboard's worker starts",
        )
    job_id = JobTable(store).submit(command, title)
    ensure_worker(store)
    say({"job_id": job_id}, as_json)
