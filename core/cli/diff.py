"""`assay diff`: how two models differ beyond the noise between runs of one model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    OverwriteOption,
    QueueOption,
    StoreOption,
    as_job,
    open_store,
    out_file,
    say,
)
from assay.core.cli.pair_commands import queue_this

app = typer.Typer(add_completion=False)
# Seconds on two cores for some hundred names and answers; only the proportions matter.
_PLAN = {"read": 1.0, "compare": 20.0, "judge": 5.0, "seal": 1.0}


@app.command()
def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A decompression: its name in the store, or a file.")
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="A decompression of the other model or version.")
    ],
    noise: Annotated[
        str | None,
        typer.Option(
            help="A decompression of A's or B's model with another seed. It shows how much two "
            "runs "
            "of one model differ (default: found in the store)."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the topics to a .csv, .jsonl or .parquet file.")
    ] = None,
    overwrite: OverwriteOption = False,
    device: DeviceOption = None,
    queue: QueueOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two decompressed models and report differences beyond sampling noise."""
    from assay.cache.diffs.read import read_diff_topics
    from assay.cache.export import check_out, of_diff, write_table
    from assay.cache.files.sealed import read_result
    from assay.core.findings.diff import diff_finding
    from assay.core.specs.results.diff import DiffResult

    place = open_store(store)
    title = f"Diff of {first} and {second}"
    if queue:
        queue_this(place, title, as_json)
        return
    if out:
        check_out(out, overwrite)
        out_file(out)
    from assay.core.diff.run import diff as run
    from assay.core.runtime.device import choose_compute

    with as_job(place, title, _PLAN) as progress:
        outcome = run(first, second, noise, place, choose_compute(device, "fp32"), progress)
    meta, topics = read_result(outcome.path, DiffResult), read_diff_topics(outcome.path)
    own = topics[topics["pair"] == 0].drop(columns="pair")
    if out:
        write_table(of_diff(outcome.path), "topics", own, out, {}, overwrite)
    said = diff_finding(meta)
    columns = ["change", "question", "first_name", "second_name", "first_support", "second_support"]
    result = {
        "diff": outcome.id,
        "path": str(outcome.path),
        "was_there": outcome.was_there,
        "noise": [[run.id for run in pair] for pair in meta.noise],
        "floor": meta.topics.floor and asdict(meta.topics.floor),
        **asdict(meta.counts),
        "reported": own[own["is_reported"]][columns].to_dict("records"),
        "says": [said.headline, *said.sentences],
        "caveats": meta.caveats,
    }
    if not meta.noise:
        result["make_noise_with"] = meta.noise_command
    facts = ("topics", "examples", "support", "quality")
    say(result, as_json, lambda: {"facts": {name: asdict(meta)[name] for name in facts}})
