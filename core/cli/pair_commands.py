"""Shared by the commands that analyse a model pair."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from assay.core.cli.config_option import as_recorded
from assay.core.cli.ending import Ending, show_ending
from assay.core.cli.options import RunningAudit, rows_of, say_json, spread_of
from assay.core.errors import OptionConflict
from assay.core.specs.addresses import has_password
from assay.core.specs.audit import Assessability, AuditSpec, title_of
from assay.core.specs.audit_checks import check_device
from assay.core.specs.compute import Spread, WorkEngine
from assay.core.specs.memory_size import read_memory
from assay.core.specs.shard import Shard

if TYPE_CHECKING:
    import pandas as pd

    from assay.cache.audits.evidence import AuditEvidence
    from assay.cache.store import Store
    from assay.core.audit.shard import ShardOutcome
    from assay.core.runtime.outcome import Outcome

# The exit status of an audit that is complete, with the result "not assessable".
NOT_ASSESSABLE = 3


def answer(spec: AuditSpec, how: RunningAudit) -> None:
    """Run the audit as a job, here or in the background, and say what it found.

    With --shard, compute only a part of it.
    """
    check_device(spec, how.device, how.engine, how.memory is not None)
    spread, most = _spread(how), None if how.memory is None else read_memory(how.memory)
    if how.shard is not None:
        _compute_shard(spec, how, Shard.read(how.shard), most)
        return
    if how.queue:
        queue_this(how.place, title_of(spec), how.as_json)
        return
    from assay.cache.audits.read import read_facts
    from assay.core.audit.as_job import audit_as_job
    from assay.core.runtime.memory import MemoryBound

    command, memory = as_recorded(sys.argv[1:]), MemoryBound(most)
    outcome = audit_as_job(
        spec, how.place, how.device, how.precision, command, spread=spread, memory=memory
    )
    say_answers(how.place, outcome, how.as_json)
    if read_facts(outcome.path).assessability is Assessability.NOT_ASSESSABLE:
        raise typer.Exit(NOT_ASSESSABLE)


def _spread(how: RunningAudit) -> Spread:
    """The engine asked for; InputError if it is not installed or the options contradict it."""
    if how.engine is not WorkEngine.LOCAL and how.shard is not None:
        raise OptionConflict(
            "--shard is for machines that know nothing of each other, --engine ray for a cluster",
            "both",
            "give one of them",
        )
    return spread_of(how)


def _compute_shard(spec: AuditSpec, how: RunningAudit, shard: Shard, most: int | None) -> None:
    if how.queue:
        raise OptionConflict(
            "--shard computes a part here and now, so it cannot be queued", "both", "remove --queue"
        )
    from assay.core.audit.shard import run_shard
    from assay.core.runtime.console_progress import ConsoleProgress
    from assay.core.runtime.device import choose_compute
    from assay.core.runtime.memory import MemoryBound

    how.place.require_writing()
    compute = choose_compute(how.device, how.precision, may_split=True)
    done = run_shard(spec, shard, how.place, compute, ConsoleProgress(), MemoryBound(most))
    if how.as_json:
        say_json({**asdict(done), "shard": str(done.shard)})
    else:
        typer.echo(_shard_line(done))
    if not done.is_assessable:
        raise typer.Exit(NOT_ASSESSABLE)


def _shard_line(done: ShardOutcome) -> str:
    if done.was_sealed:
        return f"The audit {done.audit_id} is complete already, so nothing was computed."
    if not done.is_assessable:
        return "The pair is not assessable, so there is nothing to compute."
    wrote = ", ".join(f"{stage} of {n:,}" for stage, n in done.n_computed.items())
    return (
        f"Shard {done.shard} wrote to the store: {wrote} of the {done.n_documents:,} documents. "
        "Run the same command without --shard once all shards are done."
    )


def say_answers(store: Store, outcome: Outcome, as_json: bool) -> None:
    """The answers as the page has them, and where to read on; as JSON, with every figure.

    A person gets the leading answer in two sentences, then every question with its answer.
    """
    from assay.cache.audits.evidence import evidence_of
    from assay.core.findings.answers.audit_answers import audit_answers, audit_finding

    evidence = evidence_of(store, outcome.path)
    if as_json:
        found = audit_finding(evidence)
        said = {
            **outcome_of(outcome),
            "says": [found.headline, *found.sentences],
            "answers": [asdict(one) for one in audit_answers(evidence).answers],
        }
        say_json({**said, **figures_of(outcome.path)})
        return
    show_ending(
        Ending(
            list(closing_words(evidence)),
            figures_table(evidence),
            [f"The audit is in {outcome.path}"],
            page="overview",
            query={"audit": outcome.id},
        )
    )


def closing_words(evidence: AuditEvidence) -> Iterator[str]:
    """What an audit found, as the last lines of its command."""
    from assay.core.findings.answers.audit_answers import answers_to_what_was_asked
    from assay.core.findings.initial_head import insiders_view

    facts = evidence.facts
    beyond = insiders_view(facts.meta)
    if beyond:
        yield f"{beyond}\n"
    answers = answers_to_what_was_asked(evidence)
    yield answers.closing
    if facts.assessability is Assessability.NOT_ASSESSABLE:
        return
    for one in answers.answers[1:]:
        yield f"\n{one.question}\n  {one.headline}"


def figures_table(evidence: AuditEvidence) -> pd.DataFrame | None:
    """The most important figures of what was asked; None if there are none: of each strategy, of
    each corpus that was ranked, or of a titration at each leaked share."""
    from assay.core.findings.audit_tables import FEW, TRUTH, strategy_table
    from assay.core.findings.finding import MetricTable
    from assay.core.specs.metrics import Metric

    facts = evidence.facts
    if facts.spec.corpora:
        return _corpora_table(evidence)
    if facts.spec.titration:
        return _titration_table(evidence)
    if not evidence.metrics:
        return None
    rows = MetricTable(evidence.metrics)
    has_truth = any(rows.get(one, metric) for one in facts.strategies for metric in TRUTH)
    shown = [metric for metric in FEW if metric is not Metric.AGREEMENT or not has_truth]
    table = strategy_table(rows, facts.strategies, shown)
    return table if len(table.columns) > 1 else None


def _corpora_table(evidence: AuditEvidence) -> pd.DataFrame | None:
    import pandas as pd

    from assay.core.findings.corpus_ranking import group_table

    if not evidence.sources:
        return None
    students = pd.DataFrame(evidence.source_students)
    table = group_table(pd.DataFrame(evidence.sources), "corpus", students)
    return table[[one for one in table if not str(one).startswith(("by cosine", "reference"))]]


def _titration_table(evidence: AuditEvidence) -> pd.DataFrame | None:
    import pandas as pd

    from assay.core.findings.titration_grid import nearest_budget, recall_table
    from assay.core.specs.strategies import leading_strategy, main_strategy

    spec = evidence.facts.spec
    if not evidence.titration:
        return None
    grid = pd.DataFrame(evidence.titration)
    budget = nearest_budget(grid["budget"], spec.budget)
    assert budget is not None
    ran = list(spec.strategies)
    return recall_table(grid, [leading_strategy(ran), main_strategy(ran)], budget)


def outcome_of(outcome: Outcome) -> dict[str, Any]:
    """What a command prints about an audit; first of all whether the pair was assessable."""
    from assay.cache.audits.read import read_facts

    assessment = read_facts(outcome.path).meta.assessment
    return {
        "audit": outcome.id,
        "path": str(outcome.path),
        "assessability": str(assessment.verdict),
        "reasons": list(assessment.reasons),
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
        "counts": facts.meta.counts.as_known(),
        "model_facts": asdict(facts.models),
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
    if as_json:
        say_json({"job_id": job_id})
    else:
        typer.echo(f"Queued as job {job_id}. To follow it: assay jobs log {job_id}")
