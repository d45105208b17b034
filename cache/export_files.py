"""Writing exports: whole or not at all, and never silently over a file that somebody else made.

A file may be replaced if its manifest has the hash of its bytes: then it is an earlier export that
nobody has changed since. Any other file is kept unless the user says otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
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
    _write({out: data, manifest_of(out): manifest})


def check_replaceable(out: Path, may_overwrite: bool = False) -> None:
    """InputError if an export to that file, or its manifest, would overwrite a user's file."""
    beside = manifest_of(out)
    known = _read_manifest(beside)
    _check(out, {known["sha256"]} if known and "sha256" in known else set(), may_overwrite)
    if known is None:
        _check(beside, set(), may_overwrite)


def write_folder(
    folder: Path, files: Mapping[str, bytes], described: Mapping[str, Any], may_overwrite: bool
) -> None:
    """Write files into a folder, with a manifest that describes them and contains their hashes.

    InputError if a file that is not an Assay export would be overwritten; other files there are
    kept.
    """
    beside = folder / _FOLDER_MANIFEST
    known = _read_manifest(beside)
    vouched = set(known["files"].values()) if known and "files" in known else set()
    for name in files:
        _check(folder / name, vouched, may_overwrite)
    if known is None:
        _check(beside, set(), may_overwrite)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = json.dumps({**described, "files": hashes}, indent=1, ensure_ascii=False)
    _write(
        {
            **{folder / name: data for name, data in files.items()},
            beside: manifest.encode(),
        }
    )


def write_text(out: Path, text: str, mark: str, may_overwrite: bool) -> None:
    """Write a text that contains ``mark``; only an earlier text that contains it is replaced."""
    if out.is_file() and mark.encode() in out.read_bytes():
        may_overwrite = True
    _check(out, set(), may_overwrite)
    _write({out: text.encode()})


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


def _write(files: Mapping[Path, bytes]) -> None:
    """Write all files under temporary names first: if that fails, the old files are unchanged."""
    written = {}
    try:
        for file, data in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
            written[partial] = file
            partial.write_bytes(data)
        for partial, file in written.items():
            os.replace(partial, file)
    finally:
        for partial in written:
            partial.unlink(missing_ok=True)
