"""The first rows of a data set on the hub, read by a process of its own within limits.

The process that serves pages loads no library that large, and a set on the hub may be of any size
and kind. ``datasets`` reads it as a stream; since version 4 it runs no code that comes with a set.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

from assay.core.data.hub_sets import hub_rows, hub_unreadable
from assay.core.data.preview import MOST_COLUMNS, MOST_NAMES, Preview, short_row
from assay.core.errors import InputError
from assay.core.hub.own_process import LIMIT_S, NoAnswer, answer, ask

_MOST_FILE_BYTES = 64 << 20
_DO = "check the name, subset (NAME:SUBSET) and split (#SPLIT), or start the job without a preview"


def preview_hub(location: str, split: str | None, n: int = 5, limit_s: float = LIMIT_S) -> Preview:
    """What NAME or NAME:SUBSET looks like; InputError if it cannot be read within the limits."""
    try:
        said = ask(__name__, {"location": location, "split": split or "train", "n": n}, limit_s)
    except NoAnswer as why:
        got = f"{location!r}, whose preview {why}"
        raise InputError("a data set with a first row", got, _DO) from why
    return Preview(**{**said, "columns": tuple(said["columns"]), "rows": tuple(said["rows"])})


def first_rows(location: str, split: str, n: int) -> Preview:
    """The same in this process; a location may also be a folder that is laid out as on the hub."""
    try:
        rows = hub_rows(location, split)
        first = [dict(row) for row in islice(rows, n)]
        columns = list(rows.column_names or (first[0] if first else ()))[:MOST_NAMES]
        stated = (rows.info.splits or {}).get(split)
    except Exception as error:
        raise hub_unreadable(location, error) from error
    return Preview(
        tuple(columns),
        tuple(short_row(row, columns[:MOST_COLUMNS]) for row in first),
        stated.num_examples if stated and stated.num_examples else None,
        False,
        1,
    )


def _said(location: str, split: str, n: int) -> dict[str, Any]:
    return asdict(first_rows(location, split, n))


if __name__ == "__main__":
    answer(_said, _MOST_FILE_BYTES)
