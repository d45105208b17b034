"""The sealed files of a folder, by name and as a list; any of them may be broken."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import TypeVar, cast

from assay.cache.files.database import UnreadableFile
from assay.core.errors import InputError

_ENDING = ".duckdb"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

_Summary = TypeVar("_Summary")


@dataclass(frozen=True)
class Stamp:
    """Identifies a file's state, so that a replaced file is noticed."""

    device: int
    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Listed:
    """A file of the folder: its stamp, or why it cannot be opened."""

    path: Path
    stamp: Stamp | None
    problem: str = ""


def remembered(
    read: Callable[[Path, Stamp], _Summary],
) -> Callable[[Path, Stamp], _Summary]:
    """``read``, called once for each stamp: its result is cached, and so is the reason why a file
    cannot be read, unless that may pass."""

    @lru_cache(maxsize=4096)
    def found(path: Path, stamp: Stamp) -> tuple[_Summary | None, tuple[str, bool] | None]:
        try:
            return read(path, stamp), None
        except UnreadableFile as unreadable:
            if unreadable.may_pass:
                raise
            # Not the error itself, which would hold all it had passed through.
            return None, (unreadable.problem, unreadable.is_damaged)

    @wraps(read)
    def known(path: Path, stamp: Stamp) -> _Summary:
        summary, problem = found(path, stamp)
        if problem is not None:
            raise UnreadableFile(path, *problem)
        return cast(_Summary, summary)

    return known


def named_file(folder: Path, name: str, what: str, see: str) -> Path:
    """The sealed file with that name; InputError if there is none.

    The error says ``what`` is meant, and where to ``see`` names.
    """
    path = folder / f"{name}{_ENDING}"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise InputError(what, repr(name), see)
    return path


def summaries(
    folder: Path,
    read: Callable[[Path, Stamp], _Summary],
    broken: Callable[[Path, str, int], _Summary],
) -> list[_Summary]:
    """A summary of each file, by name.

    ``broken`` makes the summary, from the problem and the size, of a file that ``read`` cannot read
    or that no command could name.
    """
    return [
        summarized(one.path, one.stamp, read, broken)
        if one.stamp is not None
        else broken(one.path, one.problem, 0)
        for one in stamped(folder)
    ]


def summarized(
    path: Path,
    stamp: Stamp,
    read: Callable[[Path, Stamp], _Summary],
    broken: Callable[[Path, str, int], _Summary],
) -> _Summary:
    """The same for one file."""
    if not _NAME.fullmatch(path.stem):
        problem = "the file's name may contain only lowercase letters, digits and hyphens"
        return broken(path, problem, stamp.size)
    try:
        return read(path, stamp)
    except UnreadableFile as unreadable:
        return broken(path, unreadable.problem, stamp.size)
    except OSError as error:
        return broken(path, error.strerror or str(error), stamp.size)


def readable(folder: Path, read: Callable[[Path, Stamp], _Summary]) -> list[_Summary]:
    """A summary of each file that can be read; `assay list` names the others."""
    found = []
    for one in stamped(folder):
        if one.stamp is not None:
            with suppress(UnreadableFile, OSError):
                found.append(read(one.path, one.stamp))
    return found


def stamped(folder: Path) -> Iterator[Listed]:
    """Each sealed file with its stamp, by name."""
    for path in sorted(folder.glob(f"*{_ENDING}")):
        try:
            found = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                yield Listed(path, None, "it is a broken link")
            continue  # deleted after the folder was listed
        except OSError as error:
            yield Listed(path, None, error.strerror or str(error))
            continue
        if not stat.S_ISREG(found.st_mode):
            yield Listed(path, None, "it is not an ordinary file")
            continue
        yield Listed(path, _stamp(found))


def stamp_of(path: Path) -> Stamp:
    """The stamp of one file; FileNotFoundError if there is none."""
    return _stamp(path.stat())


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
