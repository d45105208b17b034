"""Options and helpers that several commands share."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.core.cli.config_option import as_recorded
from assay.core.data.object_store import check_new, is_remote, name_of, send
from assay.core.engines.ray_engine import check_ray_there
from assay.core.errors import InputError, OptionConflict
from assay.core.specs.compute import (
    ADDRESS_HELP,
    CELL_ENGINE_HELP,
    DEVICE_HELP,
    ENGINE_HELP,
    HERE,
    PRECISION_HELP,
    SHARD_HELP,
    SPLIT_HELP,
    Spread,
    WorkEngine,
)
from assay.core.specs.memory_size import MEMORY_HELP
from assay.core.temporary import TemporaryFolder

if TYPE_CHECKING:
    import pandas as pd

    from assay.cache.store import Store
    from assay.core.jobs.job_progress import JobProgress

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder that holds all results (default: ASSAY_HOME)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
OverwriteOption = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace an existing file, even if Assay did not write it or it was edited since.",
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Port of the dashboard (default: the first free one from 8501)."
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(help=DEVICE_HELP),
]
DevicesOption = Annotated[str | None, typer.Option(help=SPLIT_HELP)]
PrecisionOption = Annotated[str, typer.Option(help=PRECISION_HELP)]
ShardOption = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help=SHARD_HELP),
]
MemoryOption = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help=MEMORY_HELP),
]
EngineOption = Annotated[WorkEngine, typer.Option("--engine", help=ENGINE_HELP)]
CellEngineOption = Annotated[WorkEngine, typer.Option("--engine", help=CELL_ENGINE_HELP)]
AddressOption = Annotated[str | None, typer.Option("--address", help=ADDRESS_HELP)]
QueueOption = Annotated[
    bool, typer.Option("--queue", help="Run in the background; see `assay jobs`.")
]


@dataclass(frozen=True)
class Keeping:
    """Where a command's results are kept, and how it reports them."""

    store: StoreOption = None
    as_json: JsonOption = False

    @cached_property
    def place(self) -> Store:
        """The store; InputError if it cannot be written."""
        return open_store(self.store)


@dataclass(frozen=True)
class Running(Keeping):
    """The same of a command that runs a model: where, in which number format, now or later."""

    device: DeviceOption = None
    precision: PrecisionOption = "auto"
    queue: QueueOption = False


@dataclass(frozen=True)
class RunningPair(Running):
    """The same of a command that runs both models of a pair, which may be split over devices."""

    device: DevicesOption = None


@dataclass(frozen=True)
class RunningAudit(RunningPair):
    """The same for a command whose work on documents can be divided among machines."""

    memory: MemoryOption = None
    shard: ShardOption = None
    engine: EngineOption = WorkEngine.LOCAL
    address: AddressOption = None


@dataclass(frozen=True)
class RunningCells(Running):
    """The same for a command whose cells can be divided among machines."""

    engine: CellEngineOption = WorkEngine.LOCAL
    address: AddressOption = None


def spread_of(how: RunningAudit | RunningCells) -> Spread:
    """The engine asked for; InputError if it is not installed, or is not one with an address."""
    if how.engine is WorkEngine.LOCAL:
        if how.address is not None:
            raise OptionConflict("--address applies to --engine ray only", "", "give both")
        return HERE
    check_ray_there()
    return Spread(how.engine, how.address)


def open_store(folder: Path | None) -> Store:
    """The store at ``folder``, the default one if None; InputError if it cannot be written."""
    # Here, because `--help` asks every command's module and opens no store.
    from assay.cache import store

    return store.open_store(folder)


def out_file(path: Path) -> Path:
    """Where to write a result; its folder is created. InputError if it cannot be written.

    Checked before the work starts, so that no result is lost.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise InputError("a regular file to write to", f"{str(path)!r}", "choose another --out")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission to write")
    except OSError as error:
        raise InputError(
            "a file that can be written", f"{path} ({error.strerror})", "choose another --out"
        ) from error
    return path


def out_folder(name: str) -> Path:
    """A folder to write several results to; InputError for an address."""
    if is_remote(name):
        raise InputError("a folder on this machine", repr(name), "upload the folder afterwards")
    return Path(name)


@contextmanager
def written(name: str, may_overwrite: bool) -> Iterator[Path]:
    """Where to write a result: its file, or one that is sent to an object store at the end.

    Checked before the work starts, as by ``out_file``.
    """
    if not is_remote(name):
        yield out_file(Path(name))
        return
    if not may_overwrite:
        check_new(name)
    with TemporaryFolder("out") as folder:
        yield Path(folder) / name_of(name)
        send(Path(folder), name)


def as_job(
    store: Store, title: str, plan: dict[str, float], command: list[str] | None = None
) -> AbstractContextManager[JobProgress]:
    """Run the body as a job; ``command`` is what resuming it would run, this command by default."""
    from assay.core.jobs.running_job import running_job

    return running_job(store, command or as_recorded(sys.argv[1:]), title, plan)


def split_words(option: str | None) -> tuple[str, ...] | None:
    """Words separated by commas."""
    return tuple(word.strip() for word in option.split(",")) if option else None


def say(result: Mapping[Any, Any], as_json: bool) -> None:
    """Print a result: one JSON object, or one line per key."""
    if as_json:
        say_json(result)
        return
    for key, value in result.items():
        typer.echo(f"{key}: {value}")


def say_json(result: Mapping[Any, Any]) -> None:
    """Print the command's one JSON object; NaN and infinity become null."""
    global _has_said
    _has_said = True
    typer.echo(json.dumps(_plain(result), allow_nan=False))


def say_nothing_yet() -> None:
    """A command begins."""
    global _has_said
    _has_said = False


def has_said() -> bool:
    """Whether the command has printed its JSON object."""
    return _has_said


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as rows for JSON."""
    return frame.to_dict("records")


_has_said = False


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # of NumPy
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    import pandas as pd

    return None if value is pd.NA or value is pd.NaT else str(value)
