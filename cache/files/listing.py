"""The files of a folder, as a list may meet them: any of them may be broken."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ENDING = "*.duckdb"


@dataclass(frozen=True)
class Stamp:
    """What tells a file from what was under its name before."""

    device: int
    inode: int
    size: int
    modified_ns: int


def stamped(folder: Path) -> Iterator[tuple[Path, Stamp | None, str]]:
    """Each sealed file with its stamp, or with why it is none that could be opened."""
    for path in sorted(folder.glob(_ENDING)):
        try:
            found = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                yield path, None, "it is a link to nothing"
            continue  # deleted since the folder was read
        except OSError as error:
            yield path, None, error.strerror or str(error)
            continue
        if not stat.S_ISREG(found.st_mode):
            yield path, None, "it is not an ordinary file"
            continue
        yield path, _stamp(found), ""


def stamp_of(path: Path) -> Stamp:
    """The stamp of one file; FileNotFoundError if there is none."""
    return _stamp(path.stat())


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
