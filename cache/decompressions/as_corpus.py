"""A decompressed model's answers as documents: a seed corpus like any other."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from assay.cache.decompressions.read import decompression_path
from assay.cache.files.database import open_to_read
from assay.cache.store import Store
from assay.core.errors import InputError

# The columns of the file: the model's answer, and the task.
SAID, TASK = "text", "task"


def read_said(path: Path) -> pd.DataFrame:
    """Every example that is not empty: example_id, branch, task, text.

    text is reasoning and response; the task is left out, because its template may be ours. branch
    is the topic that the examples of one prompt were written for.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            f"""SELECT example_id, topic_id AS branch, task AS {TASK}, trim(reasoning || chr(10)
            || response, ' ' || chr(10)) AS {SAID} FROM examples WHERE {SAID} <> ''
            ORDER BY example_id"""
        ).df()


def decompressed_corpus(store: Store, decompression_id: str) -> Path:
    """The Parquet file of a decompression's documents, written when first needed.

    InputError if there is no such decompression, or if it has no examples.
    """
    path = decompression_path(store, decompression_id)
    file = store.data / f"decompression-{decompression_id}.parquet"
    if not file.exists():
        said = read_said(path)
        if said.empty:
            raise InputError(
                "a decompression with examples",
                f"none in {decompression_id!r}",
                "decompress the model again with --examples 2",
            )
        partial = file.with_suffix(f".{os.getpid()}.partial")
        said.to_parquet(partial, index=False)
        os.replace(partial, file)
    return file
