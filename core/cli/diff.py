"""`assay diff`: how two models differ beyond the noise between runs of one model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.ending import Ending, end
from assay.core.cli.options import (
    DeviceOption,
    Keeping,
    OverwriteOption,
    QueueOption,
    as_job,
    out_file,
    rows_of,
)
from assay.core.cli.pair_commands import queue_this
from assay.core.specs.commands import DIFF
from assay.core.specs.diff import DIFF_PLAN, DiffSpec

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class _OnDevice(Keeping):
    device: DeviceOption = None
    queue: QueueOption = False


@declared_command(app, DIFF)
def diff(
    spec: DiffSpec,
    how: _OnDevice,
    out: Annotated[
        Path | None, typer.Option(help="Also write the topics to a .csv, .jsonl or .parquet file.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Compare two decompressed models and report differences beyond sampling noise."""
    from assay.cache.diffs.read import read_diff_topics
    from assay.cache.export import check_out, of_diff, write_table
    from assay.cache.files.sealed import read_result
    from assay.core.findings.diff import changed_topics, diff_finding
    from assay.core.specs.results.diff import DiffResult

    place = how.place
    if how.queue:
        queue_this(place, spec.job_title, how.as_json)
        return
    if out:
        check_out(out, overwrite)
        out_file(out)
    from assay.core.diff.run import diff as run
    from assay.core.runtime.device import choose_compute

    with as_job(place, spec.job_title, DIFF_PLAN) as progress:
        compute = choose_compute(how.device, "fp32")
        outcome = run(spec.first, spec.second, spec.noise, place, compute, progress)
        progress.attach_result(outcome.id)
    meta, topics = read_result(outcome.path, DiffResult), read_diff_topics(outcome.path)
    own = topics[topics["pair"] == 0].drop(columns="pair")
    if out:
        write_table(of_diff(outcome.path), "topics", own, out, {}, overwrite)
    said = diff_finding(meta)
    reported = own[own["is_reported"]]
    columns = ["change", "question", "first_name", "second_name", "first_support", "second_support"]

    def figures() -> dict[str, Any]:
        plain = asdict(meta)
        return {
            "diff": outcome.id,
            "path": str(outcome.path),
            "was_there": outcome.was_there,
            "noise": [[run.id for run in pair] for pair in meta.noise],
            "floor": plain["topics"]["floor"],
            **plain["counts"],
            "reported": rows_of(reported[columns]),
            "says": [said.headline, *said.sentences],
            "caveats": meta.caveats,
            **({} if meta.noise else {"make_noise_with": meta.noise_command}),
            "facts": {name: plain[name] for name in ("topics", "examples", "support", "quality")},
        }

    def ending() -> Ending:
        make = [] if meta.noise else [f"A noise run is made with: {meta.noise_command}"]
        return Ending(
            [said.headline, *said.sentences],
            changed_topics(reported),
            [*meta.caveats, *make, f"The diff is in {outcome.path}"],
            page="diff",
            query={"a": spec.first, "b": spec.second},
        )

    end(how.as_json, ending, figures)
