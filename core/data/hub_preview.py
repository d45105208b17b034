"""The first rows of a data set on the hub, read by a process of its own within limits.

The process that serves pages loads no library that large, and a set on the hub may be of any size
and kind. ``datasets`` reads it as a stream; since version 4 it runs no code that comes with a set.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict
from itertools import islice

from assay.core.data.hub_sets import hub_rows, hub_unreadable
from assay.core.data.preview import MOST_COLUMNS, Preview, short_row
from assay.core.errors import InputError

LIMIT_S = 30
# Memory that holds what is read ahead, the largest file that is written, and what is said of it.
_MEMORY_BYTES, _FILE_BYTES, _MOST_SAID = 4 << 30, 64 << 20, 1 << 20
_DO = "check the name, subset (NAME:SUBSET) and split (#SPLIT), or start the job without a preview"


def preview_hub(location: str, split: str | None, n: int = 5, limit_s: float = LIMIT_S) -> Preview:
    """What NAME or NAME:SUBSET looks like; InputError if it cannot be read within the limits."""
    asked = json.dumps({"location": location, "split": split, "n": n})
    with tempfile.TemporaryDirectory() as folder:  # a name never means a file of the working folder
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", __name__],
                input=asked,
                capture_output=True,
                text=True,
                errors="replace",
                cwd=folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _not_seen(location, f"took more than {limit_s:.0f} seconds") from error
    return _answer(location, done)


def _answer(location: str, done: subprocess.CompletedProcess[str]) -> Preview:
    try:
        if done.returncode or len(done.stdout) > _MOST_SAID:
            raise ValueError
        said = json.loads(done.stdout)
    except ValueError as error:
        raise _not_seen(location, "ended without an answer, perhaps for lack of memory") from error
    if "problem" in said:
        raise InputError(*said["problem"])
    return Preview(**{**said, "columns": tuple(said["columns"]), "rows": tuple(said["rows"])})


def _not_seen(location: str, why: str) -> InputError:
    return InputError("a data set with a first row", f"{location!r}, whose preview {why}", _DO)


def first_rows(location: str, split: str, n: int) -> Preview:
    """The same in this process; a location may also be a folder that is laid out as on the hub."""
    try:
        rows = hub_rows(location, split)
        first = [dict(row) for row in islice(rows, n)]
        columns = list(rows.column_names or (first[0] if first else ()))[:MOST_COLUMNS]
        stated = (rows.info.splits or {}).get(split)
    except Exception as error:
        raise hub_unreadable(location, error) from error
    return Preview(
        tuple(columns),
        tuple(short_row(row, columns) for row in first),
        stated.num_examples if stated and stated.num_examples else None,
        False,
        1,
    )


def main() -> None:
    """Answer what stands on the standard input."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    asked = json.load(sys.stdin)
    try:
        said = asdict(first_rows(asked["location"], asked["split"] or "train", asked["n"]))
    except InputError as error:
        said = {"problem": [error.expected, error.got, error.do]}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # a stream's threads may still read ahead


if __name__ == "__main__":
    main()
