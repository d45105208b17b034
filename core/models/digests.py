"""Names for models by their contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from assay.core.errors import InputError

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model")


def weights_digest(folder: Path) -> str:
    """SHA-256 (hex) over every tensor's name, type, shape and bytes.

    Neither the order of tensors nor how they are split into files matters. A process reads files
    once: the bytes of those that keep size and time are taken to be the same.
    """
    return _weights_digest(tuple(_as_it_is(file) for file in sorted(folder.glob("*.safetensors"))))


def _as_it_is(file: Path) -> tuple[Path, int, int]:
    about = file.resolve().stat()
    return file.resolve(), about.st_size, about.st_mtime_ns


@cache
def _weights_digest(files: Sequence[tuple[Path, int, int]]) -> str:
    digest = hashlib.sha256()
    tensors = [(name, file, entry) for file, _, _ in files for name, entry in _header(file).items()]
    for name, file, (offset, entry) in sorted(tensors, key=lambda tensor: tensor[0]):
        start, end = entry["data_offsets"]
        digest.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode())
        with file.open("rb") as stream:
            stream.seek(offset + start)
            remaining = end - start
            while remaining:
                chunk = stream.read(min(remaining, 1 << 22))
                digest.update(chunk)
                remaining -= len(chunk)
    return digest.hexdigest()


def tokenizer_digest(folder: Path) -> str:
    """SHA-256 (hex) over the files that turn text into tokens."""
    digest = hashlib.sha256()
    for name in _TOKENIZER_FILES:
        if (folder / name).exists():
            digest.update(name.encode())
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _header(file: Path) -> dict[str, tuple[int, dict]]:
    """Each tensor's entry in a safetensors header, with the offset its bytes count from."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise InputError("a safetensors file", f"a damaged one, {file.name}", "fetch it again")
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return {name: (8 + length, entry) for name, entry in header.items()}
