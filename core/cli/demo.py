"""`assay demo`: an audit of a small model that is trained first."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.core.cli.options import JsonOption, PortOption, StoreOption, as_job, open_store
from assay.core.cli.pair_commands import say_answers
from assay.core.cli.results import serve_dashboard

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard afterwards.")] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
    port: PortOption = None,
) -> None:
    """Fine-tune and audit a small built-in model, offline, then serve the dashboard."""
    from assay.core.audit.demo import DEMO_PLAN, run_demo

    place = open_store(store)
    with as_job(place, "Demo", DEMO_PLAN, ["demo", "--no-serve"]) as progress:
        outcome = run_demo(place, progress)
    say_answers(place, outcome, as_json)
    if serve:
        serve_dashboard(place, port)
