"""`assay echo`: does what a model says echo what it was trained on?"""

from __future__ import annotations

from typing import Annotated

import typer

from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    StoreOption,
    as_job,
    open_store,
    say,
)
from assay.core.findings.echo import echo_finding, target_name

app = typer.Typer()


@app.command()
def echo(
    decompression: Annotated[
        str, typer.Argument(help="Of the audit's final model, as the Topics page names it.")
    ],
    control: Annotated[
        str, typer.Option(help="A decompression of the base model, asked with the same options.")
    ],
    audit: Annotated[str, typer.Option(help="The audit of the two models.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what a final model says with its training data and with what was selected."""
    from assay.core.decompress.durations import echo_plan
    from assay.core.decompress.echo import EchoSpec, run_echo
    from assay.core.runtime.device import choose_compute

    place = open_store(store)
    spec = EchoSpec(decompression, control, audit, seed)
    with as_job(place, f"Echo of {decompression}", echo_plan()) as progress:
        record = run_echo(spec, place, choose_compute(device, precision), progress)
    said = echo_finding(record)
    say(
        {
            "echo_id": record["echo_id"],
            "says": [said.headline, *said.sentences],
            "targets": {
                target_name(row): {
                    name: row[name]
                    for name in ("said", "control", "null_low", "null_high", "p_value")
                }
                for row in record["targets"]
            },
            "caveats": record["caveats"],
        },
        as_json,
    )
