"""`assay demo`: an audit of a small model made on the spot."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.core.cli.options import (
    JsonOption,
    StoreOption,
    as_job,
    open_store,
    say,
)
from assay.core.cli.pair_commands import (
    figures_of,
    outcome_of,
)
from assay.core.cli.results import serve_dashboard

app = typer.Typer()


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard afterwards.")] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
    port: Annotated[int | None, typer.Option(help="Port of the dashboard.")] = None,
) -> None:
    """Audit a small model made here, offline, then serve the dashboard."""
    from assay.core.audit.demo import DEMO_PLAN, run_demo

    place = open_store(store)
    with as_job(place, "Embedded demo", DEMO_PLAN, ["demo", "--no-serve"]) as progress:
        outcome = run_demo(place, progress)
    say(outcome_of(outcome), as_json, lambda: figures_of(outcome.path))
    if serve:
        serve_dashboard(place, port)
