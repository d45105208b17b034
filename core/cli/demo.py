"""`assay demo`: an audit of a small model that is trained first."""

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

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard afterwards.")] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
    port: Annotated[int | None, typer.Option(help="Port of the dashboard.")] = None,
) -> None:
    """Fine-tune and audit a small built-in model, offline, then serve the dashboard."""
    from assay.cache.audits.read import read_facts
    from assay.core.api.finding import finding_of
    from assay.core.audit.demo import DEMO_PLAN, run_demo

    place = open_store(store)
    with as_job(place, "Embedded demo", DEMO_PLAN, ["demo", "--no-serve"]) as progress:
        outcome = run_demo(place, progress)
    found = finding_of(outcome.path, read_facts(outcome.path))
    says = [found.headline, *found.sentences]
    said = {**outcome_of(outcome), "says": says if as_json else " ".join(says)}
    say(said, as_json, lambda: figures_of(outcome.path))
    if serve:
        serve_dashboard(place, port)
