"""A sealed file outside the store, for example one that came by mail."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.cache.files.database import FileInUse, UnreadableFile, open_to_read
from assay.cache.files.inspection import kind_of
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.temporary import TemporaryFolder

_FOLDERS = {
    "audit": "audits",
    "experiment": "experiments",
    "decompression": "decompressions",
    "diff": "diffs",
}


def is_file_name(name: str) -> bool:
    """Whether a command that takes a name was given the path of a file."""
    return name.endswith(".duckdb") or os.sep in name


@dataclass(frozen=True)
class Lodged:
    """The store that holds the copy of a file, the file's kind, and its name there."""

    store: Store
    kind: str
    name: str


@contextmanager
def store_with(file: Path) -> Iterator[Lodged]:
    """A private store that holds only a copy of the file, and is deleted afterwards.

    It is a copy because an untrusted file may change between two reads. InputError if it is not a
    sealed file of this version of Assay.
    """
    try:
        kind = _kind(file)
        with TemporaryFolder("store") as root:
            name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:80] or kind
            folder = Path(root) / _FOLDERS[kind]
            folder.mkdir()
            copy = folder / f"{name}.duckdb"
            shutil.copyfile(file, copy)
            _kind(copy)
            copy.chmod(0o400)
            yield Lodged(Store.to_read(Path(root)), kind, name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("an existing file", repr(str(file)), "check the path") from error
    except PermissionError as error:
        raise InputError("a readable file", repr(str(file)), "change its permissions") from error


def _kind(file: Path) -> str:
    try:
        with open_to_read(file) as connection:
            return kind_of(connection)
    except FileInUse:
        raise
    except UnreadableFile as unreadable:
        raise InputError(
            "a sealed file from this version of Assay",
            f"{file.name}: {unreadable.problem}",
            "ask the sender for another",
        ) from unreadable
