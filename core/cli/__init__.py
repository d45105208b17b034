"""The command line: `assay COMMAND`.

Progress goes to stderr. Stdout holds only the result; with ``--json`` that is one JSON object, also
for errors. Exit status: 0 done, 1 failed, 2 bad usage or bad input, 3 done, but the pair of models
is not assessable.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

from assay.core.cli import (
    audit,
    decompress,
    demo,
    diff,
    echo,
    experiment,
    finetune,
    rank_corpora,
    results,
    suspect,
    titrate,
    vocabulary,
)
from assay.core.cli.exit_status import explained
from assay.core.cli.jobs import jobs_app


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"assay {metadata.version('assay-audit')}")
        raise typer.Exit


# Typer turns an interruption into this.
_INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(demo.app)
app.add_typer(finetune.app)
app.add_typer(audit.app)
app.add_typer(titrate.app)
app.add_typer(experiment.app)
app.add_typer(decompress.app)
app.add_typer(echo.app)
app.add_typer(diff.app)
app.add_typer(suspect.app)
app.add_typer(rank_corpora.app)
app.add_typer(vocabulary.app)
app.add_typer(results.app)
app.add_typer(jobs_app, name="jobs")


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version."),
    ] = False,
) -> None:
    """What a released language model's weights reveal about its fine-tuning data."""


def main() -> None:
    """Run one command and exit with its status."""
    with explained("--json" in sys.argv[1:]):
        # Without it, an interruption would end without a message.
        status = app(standalone_mode=False) or 0
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        raise SystemExit(status)
