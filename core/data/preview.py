"""The first rows of a source and how many it holds, read in a moment whatever its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from assay.core.data.files import open_regular, reading
from assay.core.data.formats import columns_of, file_rows
from assay.core.data.shards import files_at

MOST_COLUMNS = 30
_MOST_LETTERS = 300
_COUNTED_BYTES = 1 << 22
# Files that are looked into to count rows; the others are taken to be like them.
_COUNTED_FILES = 20


@dataclass(frozen=True)
class Preview:
    """``rows``: the first ones, each cell short plain text. ``n_rows`` None where a look does not
    tell; ``is_exact``: counted, not estimated from a part. ``are_texts``: a document per file."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    n_rows: int | None
    is_exact: bool
    n_files: int
    are_texts: bool = False


def preview_files(location: str, split: str | None, n: int = 5) -> Preview:
    """What files look like; InputError, in one sentence, for a damaged or missing one."""
    here = files_at(location, split)
    if here.are_texts:
        first = [{"text": _beginning(file)} for file in here.files[:n]]
        return Preview(("text",), tuple(first), len(here.files), True, len(here.files), True)
    columns = columns_of(here.files[0])[:MOST_COLUMNS]
    rows = [short_row(row, columns) for row in islice(file_rows(here.files[0], columns), n)]
    counted = [_count(file) for file in here.files[:_COUNTED_FILES]]
    n_rows, is_exact = _total(counted, len(here.files))
    return Preview(tuple(columns), tuple(rows), n_rows, is_exact, len(here.files))


def short_row(row: Mapping[str, object], columns: Sequence[str]) -> dict[str, str]:
    """A row's columns, each as short plain text."""
    return {name: _cut("" if row.get(name) is None else str(row.get(name))) for name in columns}


def _cut(text: str) -> str:
    short = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
    return short.encode(errors="replace").decode()


def _beginning(file: Path) -> str:
    with reading(file), open_regular(file) as stream:
        return _cut(stream.read(4 * _MOST_LETTERS).decode("utf-8-sig", errors="replace"))


def _count(file: Path) -> tuple[int, bool] | None:
    """Rows of one file, and whether they were counted; None where that takes reading it all."""
    name = file.name.lower()
    if name.endswith(".parquet"):
        with reading(file), open_regular(file) as stream:
            return int(pq.read_metadata(stream).num_rows), True
    if not name.endswith((".jsonl", ".ndjson", ".csv", ".tsv")):
        return None
    with reading(file), open_regular(file) as stream:
        size = file.stat().st_size
        head = stream.read(_COUNTED_BYTES)
    n_lines = head.count(b"\n") + (0 if head.endswith(b"\n") or not head else 1)
    is_header = name.endswith((".csv", ".tsv"))
    is_whole = len(head) >= size
    if not is_whole:
        n_lines = round(n_lines * size / len(head))
    # A quoted field may hold line breaks, so of a table lines are an estimate.
    return max(0, n_lines - is_header), is_whole and not is_header


def _total(counted: Sequence[tuple[int, bool] | None], n_files: int) -> tuple[int | None, bool]:
    known = [one for one in counted if one is not None]
    if len(known) < len(counted) or not known:
        return None, False
    total = sum(n for n, _ in known)
    if n_files > len(known):
        return round(total * n_files / len(known)), False
    return total, all(is_exact for _, is_exact in known)
