"""Writing exports: whole or not at all, and never silently over a file that somebody else made.

A file may be replaced if its manifest has the hash of its bytes: then it is an earlier export that
nobody has changed since. Any other file is kept unless the user says otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.core.errors import InputError

_FOLDER_MANIFEST = "manifest.json"


def manifest_of(out: Path) -> Path:
    """The path of an exported file's manifest."""
    return out.with_name(f"{out.name}.manifest.json")


def write_export(out: Path, data: bytes, manifest: bytes, may_overwrite: bool = False) -> None:
    """Write a file and its manifest, which contains the file's ``sha256``.

    InputError if a file that is not an Assay export would be overwritten.
    """
    check_replaceable(out, may_overwrite)
    _write([(out, data), (manifest_of(out), manifest)])


def check_replaceable(out: Path, may_overwrite: bool = False) -> None:
    """InputError if an export to that file, or its manifest, would overwrite a user's file."""
    beside = manifest_of(out)
    known = _read_manifest(beside)
    _check(out, {known["sha256"]} if known and "sha256" in known else set(), may_overwrite)
    if known is None:
        _check(beside, set(), may_overwrite)


def write_folder(
    folder: Path,
    names: Iterable[str],
    contents: Callable[[str], bytes],
    described: Mapping[str, Any],
    may_overwrite: bool,
) -> None:
    """Write files into a folder, with a manifest that describes them and contains their hashes.

    ``contents`` makes one file after the other, so that they need not all be in memory. InputError
    if a file that is not an Assay export would be overwritten, before any is made; other files
    there are kept.
    """
    wanted = list(names)
    beside = folder / _FOLDER_MANIFEST
    known = _read_manifest(beside)
    vouched = set(known["files"].values()) if known and "files" in known else set()
    for name in wanted:
        _check(folder / name, vouched, may_overwrite)
    if known is None:
        _check(beside, set(), may_overwrite)
    hashes: dict[str, str] = {}

    def files() -> Iterator[tuple[Path, bytes]]:
        for name in wanted:
            data = contents(name)
            hashes[name] = hashlib.sha256(data).hexdigest()
            yield folder / name, data
        manifest = json.dumps({**described, "files": hashes}, indent=1, ensure_ascii=False)
        yield beside, manifest.encode()

    _write(files())


def write_marked(out: Path, data: bytes, mark: bytes, may_overwrite: bool) -> None:
    """Write a file that contains ``mark``; only an earlier one that contains it is replaced."""
    check_marked(out, mark, may_overwrite)
    _write([(out, data)])


def check_marked(out: Path, mark: bytes, may_overwrite: bool) -> None:
    """InputError if a file without the mark would be overwritten."""
    is_ours = out.is_file() and mark in out.read_bytes()
    _check(out, set(), may_overwrite or is_ours)


def _check(file: Path, vouched: set[str], may_overwrite: bool) -> None:
    if not os.path.lexists(file):
        return
    if not file.is_file():
        raise InputError(
            "a regular file to write to", f"{str(file)!r}, which is not one", "choose another --out"
        )
    if may_overwrite or hashlib.sha256(file.read_bytes()).hexdigest() in vouched:
        return
    raise InputError(
        "a new file, or one that Assay exported and nobody has changed",
        f"{str(file)!r}, which is neither",
        "choose another --out, or add --overwrite to replace the file",
    )


def _read_manifest(file: Path) -> dict[str, Any] | None:
    """The manifest of an earlier export; None if the file is not one."""
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(known, dict) or "assay_version" not in known:
        return None
    files = known.get("files", {})
    is_ours = isinstance(files, dict) and all(isinstance(one, str) for one in files.values())
    is_ours &= isinstance(known.get("sha256", ""), str)
    return known if is_ours else None


def _write(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write all files under temporary names first: if that fails, the old files are unchanged."""
    written = {}
    try:
        for file, data in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
            written[partial] = file
            partial.write_bytes(data)
        for partial, file in written.items():
            os.replace(partial, file)
    finally:
        for partial in written:
            partial.unlink(missing_ok=True)
