"""Rows of the file formats that Assay reads, one at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from assay.core.data.files import COMPRESSIONS, MAX_CHARACTERS, MAX_RATIO, reading, unpacked
from assay.core.data.json_rows import bounded_lines, json_lines, json_values
from assay.core.errors import InputError
from assay.core.specs.plain import JsonObject

_FORMATS = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_BATCH_ROWS = 1024
_HARMLESS_ROWS = 1_000_000


def is_supported(path: Path) -> bool:
    """Whether the name has the ending of a readable file."""
    return path.name.lower().endswith(_endings())


def supported_formats() -> str:
    """For messages: the readable formats."""
    return ", ".join(_FORMATS) + ", plain or .gz or .zst"


def columns_of(path: Path) -> list[str]:
    """The columns of a file; for JSON, those in its first thousand objects."""
    kind = _format(path)
    with reading(path), unpacked(path, kind == ".parquet") as stream:
        if kind == ".parquet":
            return list(pq.read_schema(stream).names)
        text = _text(stream)
        if kind in (".csv", ".tsv"):
            return next(_csv_lines(text, path, kind), (0, []))[1]
        # JSON objects may leave out null fields, so the first object is not enough.
        head = islice(_json_rows(text, path, kind), _BATCH_ROWS)
        return list(dict.fromkeys(name for row in head for name in row))


def file_rows(path: Path, columns: Sequence[str]) -> Iterator[JsonObject]:
    """Rows with (at least) ``columns``; InputError if the file is damaged or has another format."""
    kind = _format(path)
    with reading(path), unpacked(path, kind == ".parquet") as stream:
        if kind == ".parquet":
            yield from _parquet_rows(stream, columns, path)
            return
        text = _text(stream)
        is_table = kind in (".csv", ".tsv")
        yield from _csv_rows(text, path, kind) if is_table else _json_rows(text, path, kind)


def class_names(path: Path, column: str) -> tuple[str, ...] | None:
    """The names of a column's numbers, if ``datasets`` wrote the file and includes them.

    None otherwise.
    """
    if _format(path) != ".parquet":
        return None
    with reading(path), unpacked(path, is_whole=True) as stream:
        written = (pq.read_schema(stream).metadata or {}).get(b"huggingface")
    try:
        names = json.loads(written or b"{}")["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_list else None


def _text(stream: IO[bytes]) -> IO[str]:
    return io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _parquet_rows(stream: IO[bytes], columns: Sequence[str], path: Path) -> Iterator[JsonObject]:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    schema = pq.ParquetFile(stream).schema
    stream.seek(0)
    # A text that many rows share is stored once, so a small file cannot fill the memory.
    leaves = (schema.column(at) for at in range(len(schema)))
    shared = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    file = pq.ParquetFile(stream, read_dictionary=shared)
    if file.metadata.num_rows > max(_HARMLESS_ROWS, MAX_RATIO * size):
        raise InputError(
            f"{path.name!r} to have rows that differ",
            f"{file.metadata.num_rows:,} rows in {size:,} bytes",
            "remove the repeated rows",
        )
    present = [name for name in columns if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=present):
        yield from _rows_of(batch)


def _rows_of(batch: pa.RecordBatch) -> Iterator[JsonObject]:
    """One row at a time: a batch of texts can be far larger in Python than in Arrow."""
    named = list(zip(batch.schema.names, batch.columns, strict=True))
    for at in range(batch.num_rows):
        yield {name: values[at].as_py() for name, values in named}


def _csv_rows(text: IO[str], path: Path, kind: str) -> Iterator[JsonObject]:
    lines = _csv_lines(text, path, kind)
    _, header = next(lines, (0, []))
    for number, fields in lines:
        if not fields:
            continue
        if len(fields) != len(header):
            raise InputError(
                f"as many fields in every line of {path.name!r} as in its header",
                f"a different number in line {number:,}",
                "fix that line",
            )
        yield dict(zip(header, fields, strict=True))


def _csv_lines(text: IO[str], path: Path, kind: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each record, and the number of the line in which it ends."""
    csv.field_size_limit(MAX_CHARACTERS)
    delimiter = "\t" if kind == ".tsv" else ","
    reader = csv.reader(bounded_lines(text, path.name), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        is_endless = "field limit" in str(error) or "unexpected end" in str(error)
        said = str(error).replace("\t", "a tab")
        reason = f"{said}, probably because of a missing closing quote," if is_endless else said
        raise InputError(
            f"well-formed {kind[1:].upper()} in {path.name!r}",
            f"{reason} in line {reader.line_num:,}",
            "fix that line",
        ) from error


def _json_rows(text: IO[str], path: Path, kind: str) -> Iterator[JsonObject]:
    return json_values(text, path.name) if kind == ".json" else json_lines(text, path.name)


def _format(path: Path) -> str:
    name = path.name.lower()
    for kind in _FORMATS:
        if name.endswith(tuple(kind + compression for compression in COMPRESSIONS)):
            return kind
    raise InputError(
        f"a data file ending in {supported_formats()}",
        repr(path.name),
        "convert it to one of these",
    )


def _endings() -> tuple[str, ...]:
    return tuple(kind + compression for kind in _FORMATS for compression in COMPRESSIONS)
