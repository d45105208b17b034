"""The command line: `assay COMMAND`.

Progress goes to stderr. Stdout holds only the result; with ``--json`` that is one JSON object, also
for errors. Exit status: 0 done, 1 failed, 2 bad usage or bad input, 3 done, but the pair of models
is not assessable.
"""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# The module of each command. It is imported when its command is asked for: what all of them import
# takes seconds.
MODULES = {
    "demo": "demo",
    "finetune": "finetune",
    "audit": "audit",
    "titrate": "titrate",
    "experiment": "experiment",
    "decompress": "decompress",
    "grade": "decompress",
    "echo": "echo",
    "diff": "diff",
    "suspect": "suspect",
    "rank-corpora": "rank_corpora",
    "vocabulary": "vocabulary",
    "dashboard": "results",
    "open": "results",
    "list": "results",
    "verify": "results",
    "show-config": "results",
    "export": "results",
    "report": "results",
    "present": "results",
    "compare": "compare",
    "jobs": "jobs",
}


class _Commands(TyperGroup):
    """Finds a command in its module."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in MODULES:
            return None
        if cmd_name not in self.commands:
            module = import_module(f"assay.core.cli.{MODULES[cmd_name]}")
            found: Any = typer.main.get_command(module.app)
            if found.name != cmd_name:
                found = found.commands[cmd_name]
            self.commands[cmd_name] = found
        return self.commands[cmd_name]


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"assay {metadata.version('assay-audit')}")
        raise typer.Exit


# Typer turns an interruption into this.
_INTERRUPTED = 130

app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
    from assay.core.cli.exit_status import explained

    with explained("--json" in sys.argv[1:]):
        # Without it, an interruption would end without a message.
        status = app(standalone_mode=False) or 0
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        raise SystemExit(status)
