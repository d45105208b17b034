"""The command line: `assay COMMAND`.

Progress goes to stderr; stdout holds the result, with ``--json`` one JSON object and nothing
else. Exit status: 0 done, 1 failed, 2 bad usage or bad input.
"""

from __future__ import annotations

import typer

from core.cli import (
    decompressing,
    differing,
    echoing,
    experimenting,
    making,
    ranking,
    shelf,
    suspecting,
    titrating,
)
from core.cli.explain import explained
from core.cli.jobs import jobs_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What a released language model's weights reveal about its fine-tuning data.",
)
app.add_typer(making.app)
app.add_typer(titrating.app)
app.add_typer(experimenting.app)
app.add_typer(decompressing.app)
app.add_typer(echoing.app)
app.add_typer(differing.app)
app.add_typer(suspecting.app)
app.add_typer(ranking.app)
app.add_typer(shelf.app)
app.add_typer(jobs_app, name="jobs")


def main() -> None:
    """Run one command and exit with its status."""
    with explained():
        app()
