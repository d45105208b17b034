"""Files of an untrusted model folder: inside it, regular, and JSON that is an object."""

from __future__ import annotations

import errno
import json
from pathlib import Path, PurePosixPath
from typing import Any

from assay.core.errors import InputError

# Far more than any real configuration; the largest tokenizers take about 40 MB.
MOST_JSON_BYTES = 200_000_000
_MOST_LEVELS = 50
# How huggingface_hub names a model in its cache: models--OWNER--NAME.
_OF_HUB = "models--"


def called(folder: Path) -> str:
    """What to call a model's folder: OWNER/NAME for one that was fetched from the hub."""
    kept = folder.parent.parent.name
    if folder.parent.name == "snapshots" and kept.startswith(_OF_HUB):
        return kept.removeprefix(_OF_HUB).replace("--", "/")
    return folder.name


def inside(folder: Path, name: str) -> Path:
    """The real path of a folder's regular file; InputError if it does not exist or lies elsewhere.

    Links may lead out of the folder in one case only, the cache of huggingface_hub, where
    ``snapshots/…`` links to ``blobs``.
    """
    plain = PurePosixPath(name)
    if not name or "\0" in name or "\\" in name or plain.is_absolute() or ".." in plain.parts:
        raise InputError(
            f"files inside the model folder {called(folder)!r}",
            f"the name {_short(name)}, which points outside it",
            "download the model from a source that you trust",
        )
    path = folder / name
    try:
        root, real = folder.resolve(), path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: circular links
        raise InputError(
            f"the file {_short(name)} in {called(folder)!r}",
            _why_not_found(error),
            "download the model again, with all its files",
        ) from error
    if not real.is_relative_to(root) and not _is_of_hub_cache(root, real):
        raise InputError(
            f"files inside the model folder {called(folder)!r}",
            f"{_short(name)}, a link to a file outside it",
            "copy the file itself into the folder",
        )
    if not real.is_file():
        raise InputError(
            f"a file {_short(name)} in {called(folder)!r}",
            "something else with that name",
            "download the model again",
        )
    return real


def _why_not_found(error: OSError | RuntimeError) -> str:
    if isinstance(error, FileNotFoundError):
        return "a folder without it"
    if isinstance(error, NotADirectoryError):
        return "a file instead of a folder"
    if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
        return "a link to itself"
    return str(error.strerror)


def has_file(folder: Path, name: str) -> bool:
    """Whether a folder has an entry with that name, even a broken link."""
    path = folder / name
    return path.is_symlink() or path.exists()


def json_object(folder: Path, name: str) -> dict[str, Any]:
    """The contents of a folder's JSON file; InputError unless that is an object."""
    file = inside(folder, name)
    size = file.stat().st_size
    if size > MOST_JSON_BYTES:
        got = f"one of {size:,} bytes"
    else:
        try:
            held = json.loads(file.read_bytes())
            if isinstance(held, dict) and not _is_deeper_than(held, _MOST_LEVELS):
                return held
            got = f"a {type(held).__name__}"
            if isinstance(held, dict):
                got = f"one nested deeper than {_MOST_LEVELS} levels"
        except (ValueError, RecursionError):
            got = "an empty file" if size == 0 else "a file that is not JSON"
    raise InputError(
        f"a JSON object in the file {_short(name)} of {called(folder)!r}",
        got,
        "download the model again",
    )


def _is_deeper_than(held: Any, n_levels: int) -> bool:
    """Whether lists and objects are nested deeper than that."""
    level = [held]
    for _ in range(n_levels):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
    return bool(level)


def _is_of_hub_cache(root: Path, real: Path) -> bool:
    if root.parent.name != "snapshots":
        return False
    repository = root.parent.parent
    stores = (repository / "blobs", repository.parent / "blobs")  # the second: shared by all
    return any(real.is_relative_to(store) for store in stores)


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:77]}…")
