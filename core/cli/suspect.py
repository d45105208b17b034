"""`assay suspect`: were these documents trained on?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.ending import Ending, end
from assay.core.cli.options import RunningPair, as_job
from assay.core.cli.pair_commands import queue_this
from assay.core.errors import InputError
from assay.core.specs.commands import SUSPECT
from assay.core.specs.suspect import SuspectSpec

app = typer.Typer(add_completion=False)


@declared_command(app, SUSPECT)
def suspect(
    spec: SuspectSpec,
    how: RunningPair,
) -> None:
    """Test whether documents were trained on, by comparing them with matched controls."""
    from assay.cache.audits.model_pair import n_deleted_tests, suspect_tests_of
    from assay.core.audit.durations import suspect_plan
    from assay.core.audit.suspect_test import run_suspect_test
    from assay.core.findings.suspect_test import (
        ASSUMPTIONS,
        checks_table,
        n_judged,
        parts_table,
        set_sizes,
        suspect_finding,
    )
    from assay.core.runtime.device import choose_compute

    place = how.place
    if how.queue:
        queue_this(place, spec.job_title, how.as_json)
        return
    with as_job(place, spec.job_title, suspect_plan(spec.task)) as progress:
        compute = choose_compute(how.device, how.precision, may_split=True)
        record = run_suspect_test(spec, place, compute, progress)
        progress.attach_result(record.test_id)
    of_pair = suspect_tests_of(place, record.pair)
    said = suspect_finding(record, n_judged(of_pair) + n_deleted_tests(place, record.pair))
    plain = asdict(record)
    shown = (
        *("test_id", "is_refused", "p_value", "p_values", "auc", "n_at_least"),
        *("n_suspects", "n_controls", "n_dropped", "checks"),
        *("components", "declared", "n_shuffles", "caveats", "scores", "provenance"),
    )
    end(
        how.as_json,
        lambda: Ending(
            [said.headline, *said.sentences],
            checks_table(record) if record.is_refused else parts_table(record),
            [set_sizes(record), f"Assumed: {' '.join(ASSUMPTIONS)}", *record.caveats],
            page="suspects",
            query={"test": record.test_id},
        ),
        lambda: {
            **{name: plain[name] for name in shown},
            "says": [said.headline, *said.sentences],
            "assumes": list(ASSUMPTIONS),
        },
    )
    if record.is_refused and not any(one.is_apart for one in record.checks if one.is_refusal):
        raise InputError(
            "a score that differs between documents",
            " ".join(said.sentences),
            "check that --base and --final are the two models you mean",
        )
    if record.is_refused:
        raise InputError(
            "suspects and controls that look alike to a classifier that sees no model",
            " ".join(said.sentences),
            "draw the controls in the same way as the suspects, then repeat the test",
        )
