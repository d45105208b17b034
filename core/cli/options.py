"""Options and helpers that several commands share."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cache.store import Store
from assay.cache.store import open_store as open_store
from assay.core.cli.config_option import as_recorded
from assay.core.jobs.job_progress import JobProgress
from assay.core.jobs.running_job import running_job

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Where audits are kept [default: ASSAY_HOME].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Write over a file that is there, even if it is no export of Assay or was changed.",
    ),
]
DeviceOption = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1 … [default: the fastest there is].")
]
PrecisionOption = Annotated[str, typer.Option(help="auto, bf16 or fp32 for forward passes.")]
QueueOption = Annotated[bool, typer.Option("--queue", help="Run in the background.")]


@dataclass(frozen=True)
class Running:
    """Where a command runs, where what it makes is kept, and how it says what it found."""

    device: DeviceOption = None
    precision: PrecisionOption = "auto"
    store: StoreOption = None
    as_json: JsonOption = False

    @cached_property
    def place(self) -> Store:
        """The store; InputError if it cannot be written."""
        return open_store(self.store)


@dataclass(frozen=True)
class RunningOrQueued(Running):
    """The same of a command that can also run in the background."""

    queue: QueueOption = False


def as_job(
    store: Store, title: str, plan: dict[str, float], command: list[str] | None = None
) -> AbstractContextManager[JobProgress]:
    """Run the body as a job; ``command`` is what resuming it would run, by default this one."""
    return running_job(store, command or as_recorded(sys.argv[1:]), title, plan)


def split_words(option: str | None) -> tuple[str, ...] | None:
    """Words separated by commas."""
    return tuple(word.strip() for word in option.split(",")) if option else None


def say(result: dict[Any, Any], as_json: bool) -> None:
    """Print a result: one JSON object, or a line a key."""
    if as_json:
        typer.echo(json.dumps(result))
        return
    for key, value in result.items():
        typer.echo(f"{key}: {value}")
