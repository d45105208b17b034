"""The first rows of a source and how many it holds, read in a moment whatever its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from assay.core.data.files import open_regular, reading
from assay.core.data.formats import columns_of, file_rows
from assay.core.data.shards import files_at

# Columns that are shown, and that can be chosen.
MOST_COLUMNS, MOST_NAMES = 30, 1000
_MOST_LETTERS = 300
_COUNTED_BYTES = 1 << 22
# Files that are looked into to count rows; the others are taken to be like them.
_COUNTED_FILES = 20


@dataclass(frozen=True)
class Preview:
    """``rows``: the first ones, each cell short plain text, without the columns after the first
    thirty. ``n_rows`` None where a look does not tell; ``is_exact``: counted, not estimated;
    ``is_most``: there are no more than that. ``are_texts``: a document per file."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    n_rows: int | None
    is_exact: bool
    n_files: int
    are_texts: bool = False
    is_most: bool = False


class _Counted(NamedTuple):
    """Rows of a file, or of several."""

    n: int
    is_exact: bool
    is_most: bool


def preview_files(location: str, split: str | None, n: int = 5) -> Preview:
    """What files look like; InputError, in one sentence, for a damaged or missing one."""
    here = files_at(location, split)
    if here.are_texts:
        n_files = len(here.files)
        first = [{"text": _beginning(file)} for file in here.files[:n]]
        return Preview(("text",), tuple(first), n_files, True, n_files, True, True)
    names = columns_of(here.files[0])[:MOST_NAMES]
    columns = names[:MOST_COLUMNS]
    rows = [short_row(row, columns) for row in islice(file_rows(here.files[0], columns), n)]
    total = _total([_count(file) for file in here.files[:_COUNTED_FILES]], len(here.files))
    return Preview(
        tuple(names),
        tuple(rows),
        total.n if total else None,
        bool(total and total.is_exact),
        len(here.files),
        is_most=bool(total and total.is_most),
    )


def short_row(row: Mapping[str, object], columns: Sequence[str]) -> dict[str, str]:
    """A row's columns, each as short plain text."""
    return {name: _cut("" if row.get(name) is None else str(row.get(name))) for name in columns}


def _cut(text: str) -> str:
    short = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
    return short.encode(errors="replace").decode()


def _beginning(file: Path) -> str:
    with reading(file), open_regular(file) as stream:
        return _cut(stream.read(4 * _MOST_LETTERS).decode("utf-8-sig", errors="replace"))


def _count(file: Path) -> _Counted | None:
    """Rows of one file; None where counting them takes reading it all."""
    name = file.name.lower()
    if name.endswith(".parquet"):
        with reading(file), open_regular(file) as stream:
            return _Counted(int(pq.read_metadata(stream).num_rows), True, True)
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
    # A quoted field may hold line breaks, so a table has at most as many rows as lines.
    return _Counted(max(0, n_lines - is_header), is_whole and not is_header, is_whole)


def _total(counted: Sequence[_Counted | None], n_files: int) -> _Counted | None:
    known = [one for one in counted if one is not None]
    if len(known) < len(counted) or not known:
        return None
    total = sum(one.n for one in known)
    if n_files > len(known):
        return _Counted(round(total * n_files / len(known)), False, False)
    return _Counted(total, all(one.is_exact for one in known), all(one.is_most for one in known))
