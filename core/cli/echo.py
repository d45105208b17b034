"""`assay echo`: does what a model says echo what it was trained on?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.ending import Ending, end
from assay.core.cli.options import Running, as_job
from assay.core.cli.pair_commands import queue_this
from assay.core.specs.commands import ECHO
from assay.core.specs.echo import EchoSpec

app = typer.Typer(add_completion=False)


@declared_command(app, ECHO)
def echo(
    spec: EchoSpec,
    how: Running,
) -> None:
    """Test whether the final model's answers are nearer to its training data than the base's."""
    from assay.core.decompress.durations import echo_plan
    from assay.core.decompress.echo import run_echo
    from assay.core.findings.echo import echo_finding, target_name, targets_table
    from assay.core.runtime.device import choose_compute

    place = how.place
    if how.queue:
        queue_this(place, spec.job_title, how.as_json)
        return
    with as_job(place, spec.job_title, echo_plan()) as progress:
        record = run_echo(spec, place, choose_compute(how.device, how.precision), progress)
        progress.attach_result(record.echo_id)
    said = echo_finding(record)
    end(
        how.as_json,
        lambda: Ending(
            [said.headline, *said.sentences],
            targets_table(record),
            list(record.caveats),
            page="echo",
            query={"echo": record.echo_id},
        ),
        lambda: {
            "echo_id": record.echo_id,
            "says": [said.headline, *said.sentences],
            "targets": {
                target_name(row): {
                    name: getattr(row, name)
                    for name in ("said", "control", "null_low", "null_high", "p_value")
                }
                for row in record.targets
            },
            "caveats": record.caveats,
            "rows": [asdict(row) for row in record.targets],
        },
    )
