"""Built-in text as files with a training and a test part, for recipes without --data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.cache.store import Store
from assay.core.data.builtin_docs import (
    Paragraph,
    documentation_digest,
    documentation_paragraphs,
    standard_library_paragraphs,
)
from assay.core.runtime.progress import Progress
from assay.core.specs.hashing import content_key

_VERSION = 1
_TEST_SHARE = 0.2


def built_in_folder(store: Store) -> Path:
    """Where the files are, or will be; the folder changes with the packages they come from."""
    return store.data / f"text-{content_key('text', _VERSION, documentation_digest())[:12]}"


def write_built_in_text(folder: Path, progress: Progress) -> None:
    """Write docs.parquet and stdlib.parquet (text, label, split), unless they exist."""
    done = folder / "complete"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with progress.stage("read documentation", 0):
        _write(documentation_paragraphs(), folder / "docs.parquet")
        _write(standard_library_paragraphs(), folder / "stdlib.parquet")
    done.touch()


def _write(paragraphs: Iterable[Paragraph], file: Path) -> None:
    known = list(paragraphs)
    is_test = np.random.default_rng(0).random(len(known)) < _TEST_SHARE
    table = pa.table(
        {
            "text": [paragraph.text for paragraph in known],
            "label": [paragraph.field for paragraph in known],
            "split": np.where(is_test, "test", "train"),
        }
    )
    partial = file.with_suffix(".partial")
    pq.write_table(table, partial)
    os.replace(partial, file)
