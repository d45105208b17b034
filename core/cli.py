"""The command line: `assay COMMAND`."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


def main() -> None:
    """Run one command and exit with its status."""
    app()
