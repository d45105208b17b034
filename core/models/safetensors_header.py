"""What a safetensors file claims to contain, checked against the file before it is trusted.

Format: 8 bytes with the length of the header, the header (JSON), then the tensors' bytes one after
another without gaps (github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from assay.core.errors import InputError

# The format's own limit.
_MOST_HEADER_BYTES = 100_000_000
# PyTorch's.
_MOST_DIMENSIONS = 64
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I8", "U8", "BOOL"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
# Other formats that often have a safetensors name, by their first bytes.
_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer", "download the weights with `git lfs pull`"),
    (b"<", "a web page", "download the file itself"),
    (b"PK\x03\x04", "a pickled PyTorch file", "save the model with save_pretrained"),
    (b"\x80\x02", "a pickled PyTorch file", "save the model with save_pretrained"),
    (b"GGUF", "a GGUF file", "rename it to end in .gguf and give the file instead of the folder"),
)


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a file: its type, shape, and where in the file its bytes are."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_header(file: Path, name: str = "") -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by name; InputError unless the file holds exactly these.

    ``name``: what to call the file, where it is not its own name.
    """
    called = name or file.name
    size = file.stat().st_size
    with file.open("rb") as stream:
        beginning = stream.read(64)
        _refuse_other_formats(called, beginning)
        length = int.from_bytes(beginning[:8], "little")
        if size < 8 or length > size - 8:
            if length > _MOST_HEADER_BYTES:
                _refuse(called, "one that begins with something else")
            _refuse(called, f"one that is cut off in its header, after {size:,} bytes")
        if length > _MOST_HEADER_BYTES:
            _refuse(called, f"one with a header of {length:,} bytes")
        stream.seek(8)
        header = _parsed(called, stream.read(length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        _refuse(called, "one whose metadata is not text")
    tensors = {name: _tensor(called, name, entry, 8 + length) for name, entry in header.items()}
    _check_extent(called, tensors, 8 + length, size)
    return tensors


def _refuse_other_formats(called: str, beginning: bytes) -> None:
    if not beginning:
        _refuse(called, "an empty one")
    for start, what, do in _OTHERS:
        if beginning.lstrip().startswith(start):
            raise InputError(f"safetensors in {called!r}", what, do)


def _parsed(called: str, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        _refuse(called, "one whose header is not JSON")
    if not isinstance(header, dict):
        _refuse(called, "one whose header is not a JSON object")
    return header


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        raise ValueError("a duplicate name")
    return held


def _tensor(called: str, name: str, entry: Any, offset: int) -> StoredTensor:
    try:
        bits, shape, (start, end) = _BITS[entry["dtype"]], entry["shape"], entry["data_offsets"]
        numbers = [*shape, start, end]
    except (KeyError, TypeError, ValueError):
        numbers, shape, bits, start, end = [-1], (), 0, 0, 0
    is_sound = (
        isinstance(shape, list)
        and len(shape) <= _MOST_DIMENSIONS
        and all(type(number) is int and 0 <= number < 1 << 63 for number in numbers)
    )
    if not is_sound or 8 * (end - start) != bits * prod(shape):
        _refuse(called, f"one whose header contradicts itself at {name[:80]!r}")
    return StoredTensor(entry["dtype"], tuple(shape), offset + start, offset + end)


def _check_extent(called: str, tensors: dict[str, StoredTensor], offset: int, size: int) -> None:
    """InputError unless tensors follow one another without gaps up to the end of the file."""
    end = offset
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != end:
            _refuse(called, f"one whose tensors overlap or leave gaps at {name[:80]!r}")
        end = tensor.end
    if size < end:
        _refuse(called, f"one that is cut off: {size:,} of {end:,} bytes")
    if size > end:
        _refuse(called, f"one with {size - end:,} bytes after its last tensor")


def _refuse(called: str, got: str) -> NoReturn:
    raise InputError(f"an intact safetensors file {called!r}", got, "download the file again")
