"""What a GGUF file claims to contain, checked against the file before it is trusted.

Format: magic, version, the numbers of tensors and of key–value pairs; the pairs, each with a type;
the tensors' names, shapes and types; then their bytes (github.com/ggml-org/ggml, docs/gguf.md). The
library that loads these files believes every number in them: an array that claims 2⁶⁰ elements
keeps it busy for ever.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, NoReturn

from assay.core.errors import InputError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MOST_PAIRS, _MOST_TENSORS, _MOST_DIMENSIONS = 10_000, 100_000, 4
# Vocabularies of a million tokens with their merges take a tenth of this.
_MOST_HEADER_BYTES = 1 << 29
_LONGEST_SHOWN = 1 << 16
_ALIGNMENT, _MOST_ALIGNED = 32, 1 << 20
_STRING, _ARRAY = 8, 9
# The types of numbers: how struct writes them.
_NUMBERS = dict(enumerate("BbHhIif?")) | dict(zip((10, 11, 12), "Qqd", strict=True))

Scalar = int | float | bool | str


@dataclass(frozen=True)
class GgufTensor:
    """One tensor: its shape (fastest dimension first, as stored), type and size in bytes."""

    shape: tuple[int, ...]
    dtype: str
    n_bytes: int


@dataclass(frozen=True)
class GgufHeader:
    """``facts``: the pairs that are one number or string; ``lengths``: of those that are arrays."""

    facts: dict[str, Scalar]
    lengths: dict[str, int]
    tensors: dict[str, GgufTensor]

    @property
    def n_parameters(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.tensors.values())


def read_gguf_header(file: Path) -> GgufHeader:
    """The header of a GGUF file; InputError unless the file holds all that it claims."""
    with file.open("rb") as stream:
        reader = _Reader(file, stream)
        if reader.taken(4) != _MAGIC:
            reader.refuse("one that begins with something else")
        version = reader.number("I")
        if version not in _VERSIONS:
            reader.refuse(f"version {version} of the format, little-endian")
        n_tensors, n_pairs = reader.count(_MOST_TENSORS), reader.count(_MOST_PAIRS)
        facts: dict[str, Scalar] = {}
        lengths: dict[str, int] = {}
        for _ in range(n_pairs):
            name, kind = reader.string(), reader.number("I")
            if kind == _ARRAY:
                lengths[name] = reader.skipped_array()
            else:
                facts[name] = reader.value(kind)
        tensors, end = _tensors(reader, n_tensors)
        alignment = facts.get("general.alignment", _ALIGNMENT)
        if type(alignment) is not int or not 0 < alignment <= _MOST_ALIGNED:
            reader.refuse(f"one aligned to {alignment!r} bytes")
        if tensors and reader.at + -reader.at % alignment + end > reader.size:
            reader.refuse(f"one that is cut off, after {reader.size:,} bytes")
        if len(facts) + len(lengths) < n_pairs or len(tensors) < n_tensors:
            reader.refuse("one with a duplicate name")
    return GgufHeader(facts, lengths, tensors)


def _tensors(reader: _Reader, n_tensors: int) -> tuple[dict[str, GgufTensor], int]:
    """The tensors by name, and where the last one ends after the beginning of the first."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType  # takes a second to import

    kinds = {kind.value: (kind.name, *GGML_QUANT_SIZES[kind]) for kind in GGMLQuantizationType}
    tensors, end = {}, 0
    for _ in range(n_tensors):
        name, n_dimensions = reader.string(), reader.number("I")
        if n_dimensions > _MOST_DIMENSIONS:
            reader.refuse(f"a tensor of {n_dimensions:,} dimensions")
        shape = tuple(reader.number("Q") for _ in range(n_dimensions))
        kind, start = reader.number("I"), reader.number("Q")
        if kind not in kinds:
            reader.refuse(f"one with tensors of an unknown type ({kind})")
        dtype, n_together, n_bytes_together = kinds[kind]
        n_bytes = prod(shape) // n_together * n_bytes_together
        tensors[name] = GgufTensor(shape, dtype, n_bytes)
        end = max(end, start + n_bytes)
    return tensors, end


class _Reader:
    """Reads a header front to back, never beyond the file's end."""

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        self._file, self._stream = file, stream
        self.size = file.stat().st_size
        self._most = min(self.size, _MOST_HEADER_BYTES)
        self.at = 0

    def taken(self, n: int) -> bytes:
        self._use(n)
        return self._stream.read(n)

    def number(self, kind: str) -> int:
        return int(self._unpacked(kind))

    def count(self, most: int) -> int:
        found = self.number("Q")
        if found > most:
            self.refuse(f"one that claims {found:,} entries")
        return found

    def string(self) -> str:
        n = self.number("Q")
        if n > _LONGEST_SHOWN:  # a chat template may be long
            self._skip(n)
            return ""
        return self.taken(n).decode("utf-8", errors="replace")

    def value(self, kind: int) -> Scalar:
        if kind == _STRING:
            return self.string()
        if kind not in _NUMBERS:
            self.refuse(f"one with values of an unknown type ({kind})")
        return self._unpacked(_NUMBERS[kind])

    def skipped_array(self) -> int:
        """The length of an array, which is passed over."""
        kind, n = self.number("I"), self.number("Q")
        if kind in _NUMBERS:
            self._skip(n * struct.calcsize(f"<{_NUMBERS[kind]}"))
        elif kind == _STRING:
            for _ in range(n):  # ends at the latest with the file: each takes eight bytes
                self._skip(self.number("Q"))
        else:
            self.refuse(f"one with arrays of an unknown type ({kind})")
        return n

    def refuse(self, got: str) -> NoReturn:
        raise InputError(f"an intact GGUF file {self._file.name!r}", got, "download the file again")

    def _unpacked(self, kind: str) -> int | float | bool:
        found: int | float | bool
        (found,) = struct.unpack(f"<{kind}", self.taken(struct.calcsize(f"<{kind}")))
        return found

    def _skip(self, n: int) -> None:
        self._use(n)
        self._stream.seek(n, 1)

    def _use(self, n: int) -> None:
        if self.at + n > self._most:
            self.refuse(f"one whose header ends beyond the file, of {self.size:,} bytes")
        self.at += n
