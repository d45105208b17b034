"""The files at a location: one file, a folder of shards, a pattern such as ``data/*.jsonl``, or an
object in a store."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path

from assay.core.data.formats import is_supported, supported_formats
from assay.core.data.object_store import fetched, is_remote, name_of
from assay.core.errors import InputError

_TEXT = ".txt"
# Files next to shards that hold no documents.
_ABOUT = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}


@dataclass(frozen=True)
class FileSet:
    """Files that are read one after another.

    ``name``: what their documents are stored under, except text files, which use their folder's
    name. ``column_split``: the split to be found in a column, None if the files' names show it.
    ``top``: the folder that was searched, None for a single file or a pattern.
    """

    files: tuple[Path, ...]
    name: str
    column_split: str | None = None
    top: Path | None = None
    are_texts: bool = False


def is_pattern(location: str) -> bool:
    """Whether a location is a pattern of files and not the name of one."""
    if is_remote(location):
        return False
    return glob.has_magic(location) and not os.path.exists(os.path.expanduser(location))


def files_at(location: str, split: str | None) -> FileSet:
    """The data files at a location in the order of their names, or its text files.

    If there are several, those whose names contain the split, as in
    ``train-00000-of-00002.parquet``; if none does, a column decides. InputError if there is nothing
    to read, or both text and data.
    """
    if is_remote(location):
        return FileSet((fetched(location),), name_of(location).split(".")[0], split)
    path = Path(os.path.expanduser(location))
    is_folder = os.path.isdir(path)
    if is_pattern(location):
        found = [Path(name) for name in glob.glob(str(path))]
        where, name = f"matching {location!r}", _fixed_folder(path).resolve().name or location
    elif is_folder:
        found = [file for file in path.rglob("*") if not _is_hidden(file.relative_to(path))]
        where, name = f"in {path.name!r}", path.resolve().name
    else:
        return FileSet((path,), path.name.split(".")[0], split)
    files = sorted(file for file in found if file.is_file())
    texts = [file for file in files if file.name.lower().endswith(_TEXT)]
    data = [file for file in files if is_supported(file) and file.name not in _ABOUT]
    if texts and data:
        raise InputError(
            f"files of one kind {where}",
            f"text files such as {texts[0].name!r} and data files such as {data[0].name!r}",
            "give a pattern such as 'folder/*.parquet'",
        )
    if not texts and not data:
        raise InputError(
            f"text files (.txt) or data files {where}",
            "none",
            f"add some, or give a file of format {supported_formats()}",
        )
    if texts and split:
        raise InputError(
            "a #split only after a file or a hub data set",
            f"{split!r} of {location!r}",
            "remove the # and the split",
        )
    named = _of_split(data, split) if split else []
    return FileSet(
        tuple(texts or named or data),
        name,
        None if named else split,
        path if is_folder else None,
        bool(texts),
    )


def _of_split(files: list[Path], split: str) -> list[Path]:
    word = re.compile(rf"(?:^|[-_.]){re.escape(split)}(?:[-_.]|$)")
    return [file for file in files if word.search(file.name)]


def _fixed_folder(pattern: Path) -> Path:
    """The folder of a pattern, up to its first part with a wildcard."""
    parts = [not glob.has_magic(part) for part in pattern.parts]
    return Path(*pattern.parts[: parts.index(False)])


def _is_hidden(inside: Path) -> bool:
    return any(part.startswith((".", "__")) for part in inside.parts)
