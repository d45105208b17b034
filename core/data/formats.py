"""Rows of the file formats that Assay reads, one at a time."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from core.errors import InputError

_FORMATS = (".parquet", ".jsonl", ".csv")
_COMPRESSIONS = ("", ".gz", ".zst")
_BATCH_ROWS = 1024


def is_supported(path: Path) -> bool:
    """Whether the name ends as a readable file's does."""
    return path.name.lower().endswith(_endings())


def supported_formats() -> str:
    """For messages: the readable formats."""
    return ", ".join(_FORMATS) + ", plain or .gz or .zst"


def columns_of(path: Path) -> list[str]:
    """The columns of a file; of JSONL, those of its first line."""
    kind = _format(path)
    with _reading(path), _opened(path) as stream:
        if kind == ".parquet":
            return list(pq.read_schema(stream).names)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        if kind == ".csv":
            return next(csv.reader(text), [])
        return list(_object(text.readline() or "{}", path, 1))


def file_rows(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Rows with (at least) ``columns``; InputError if the file is damaged or of another format."""
    kind = _format(path)
    with _reading(path), _opened(path) as stream:
        if kind == ".parquet":
            yield from _parquet_rows(stream, columns)
            return
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        yield from _csv_rows(text, path) if kind == ".csv" else _json_rows(text, path)


def _parquet_rows(stream: IO[bytes], columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    file = pq.ParquetFile(stream)
    present = [name for name in columns if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=present):
        yield from batch.to_pylist()


def _csv_rows(text: IO[str], path: Path) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.DictReader(text, strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise InputError(
                    f"as many fields as the header in every line of {path.name!r}",
                    f"another number in line {reader.line_num:,}",
                    "mend that line",
                )
            yield row
    except csv.Error as error:
        raise InputError(
            f"well-formed CSV in {path.name!r}",
            f"{error} in line {reader.line_num:,}",
            "mend that line",
        ) from error


def _json_rows(text: IO[str], path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield _object(line, path, number)


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(
            f"one JSON object a line in {path.name!r}",
            f"{error.msg} in line {number:,}",
            "mend that line",
        ) from error
    if not isinstance(value, dict):
        raise InputError(
            f"one JSON object a line in {path.name!r}",
            f"{type(value).__name__} in line {number:,}",
            "mend that line",
        )
    return value


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    ending = path.suffix.lower()
    with path.open("rb") as raw:
        if ending not in (".gz", ".zst"):
            yield raw
            return
        inner: Any = (
            gzip.GzipFile(fileobj=raw)
            if ending == ".gz"
            else zstandard.ZstdDecompressor().stream_reader(raw)
        )
        if _format(path) == ".parquet":
            # Parquet is read from its end, so a compressed one must be whole in memory.
            yield io.BytesIO(inner.read())
        else:
            yield io.BufferedReader(inner)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what libraries raise about damaged bytes into one sentence."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"text in UTF-8 in {path.name!r}",
            f"the byte {error.object[error.start]:#x}",
            "convert the file to UTF-8",
        ) from error
    except (pa.ArrowInvalid, gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"an undamaged {path.suffix[1:]} file",
            f"{path.name!r} ({reason})",
            "fetch or write it again",
        ) from error


def _format(path: Path) -> str:
    name = path.name.lower()
    for kind in _FORMATS:
        if name.endswith(tuple(kind + compression for compression in _COMPRESSIONS)):
            return kind
    raise InputError(
        f"a data file ending in {supported_formats()}",
        repr(path.name),
        "convert it to one of these",
    )


def _endings() -> tuple[str, ...]:
    return tuple(kind + compression for kind in _FORMATS for compression in _COMPRESSIONS)
