"""Rows of the file formats that Assay reads, one at a time."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.core.errors import InputError

_FORMATS = (".parquet", ".jsonl", ".csv")
_COMPRESSIONS = {"": None, ".gz": "gzip", ".zst": "zstd"}
_BATCH_ROWS = 1024


def is_supported(path: Path) -> bool:
    """Whether the name ends as a readable file's does."""
    return path.name.lower().endswith(_endings())


def supported_formats() -> str:
    """For messages: the readable formats."""
    return ", ".join(_FORMATS) + ", plain or .gz or .zst"


def columns_of(path: Path) -> list[str]:
    """The columns of a file; of JSONL, those that its first thousand lines name."""
    kind = _format(path)
    with reading(path), _opened(path) as stream:
        if kind == ".parquet":
            return list(pq.read_schema(stream).names)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        if kind == ".csv":
            return next(csv.reader(text), [])
        # A JSON line may leave out what is null, so its first line alone would not tell.
        head = islice(_json_rows(text, path), _BATCH_ROWS)
        return list(dict.fromkeys(name for row in head for name in row))


def file_rows(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Rows with (at least) ``columns``; InputError if the file is damaged or of another format."""
    kind = _format(path)
    with reading(path), _opened(path) as stream:
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
    except (json.JSONDecodeError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "endless nesting"
        raise InputError(
            f"one JSON object a line in {path.name!r}",
            f"{reason} in line {number:,}",
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
    compression = _COMPRESSIONS.get(path.suffix.lower())
    with path.open("rb") as raw:
        if compression is None:
            yield raw
            return
        # Arrow's stream says when a file was cut short; zstandard's own just ends there.
        with pa.CompressedInputStream(raw, compression) as inner:
            if _format(path) == ".parquet":
                # Parquet is read from its end, so a compressed one must be whole in memory.
                yield io.BytesIO(inner.read())
            else:
                yield io.BufferedReader(inner)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what libraries raise about damaged bytes into one sentence."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"text in UTF-8 in {path.name!r}",
            f"the byte {error.object[error.start]:#x}",
            "convert the file to UTF-8",
        ) from error
    except PermissionError as error:
        raise InputError(
            "a file that may be read", f"no permission for {path.name!r}", "change its permissions"
        ) from error
    except (pa.ArrowException, OSError) as error:
        # Of a damaged file the message may quote bytes that no terminal should get.
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        reason = "".join(filter(str.isprintable, first_line)).rstrip(" :.")
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
