"""Digests that identify models by their contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from assay.core.errors import InputError
from assay.core.models.folder_files import has_file, inside
from assay.core.models.safetensors_header import read_header
from assay.core.models.weight_files import adapter_file, model_files

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model")


def weights_digest(folder: Path) -> str:
    """SHA-256 (hex) over every tensor of a model: its name, type, shape and bytes.

    Neither the order of tensors nor how they are split into files matters. A process reads each
    file once: bytes are assumed unchanged as long as size and time are. InputError for weights that
    cannot be loaded.
    """
    return _weights_digest(tuple(map(_as_it_is, model_files(folder))))


def adapter_digest(folder: Path) -> str:
    """The same for an adapter's weights."""
    return _weights_digest((_as_it_is(adapter_file(folder)),))


def _as_it_is(file: Path) -> tuple[Path, int, int]:
    about = file.stat()
    return file, about.st_size, about.st_mtime_ns


@cache
def _weights_digest(files: Sequence[tuple[Path, int, int]]) -> str:
    digest = hashlib.sha256()
    tensors = [(name, file, at) for file, _, _ in files for name, at in read_header(file).items()]
    for name, file, tensor in sorted(tensors, key=lambda tensor: tensor[0]):
        digest.update(json.dumps([name, tensor.dtype, tensor.shape]).encode())
        with file.open("rb") as stream:
            stream.seek(tensor.start)
            remaining = tensor.end - tensor.start
            while remaining:
                chunk = stream.read(min(remaining, 1 << 22))
                if not chunk:
                    raise InputError(
                        "weights that stay unchanged",
                        "a file that became shorter while it was read",
                        "try again when no program writes to it",
                    )
                digest.update(chunk)
                remaining -= len(chunk)
    return digest.hexdigest()


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder contains tokenizer files."""
    return any(has_file(folder, name) for name in _TOKENIZER_FILES)


def tokenizer_digest(folder: Path) -> str:
    """SHA-256 (hex) over the tokenizer files."""
    digest = hashlib.sha256()
    for name in _TOKENIZER_FILES:
        if has_file(folder, name):
            digest.update(name.encode())
            digest.update(inside(folder, name).read_bytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
