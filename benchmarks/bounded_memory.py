"""Selection with gradients in memory and on disk: peak memory, time, and whether picks differ.

Each way runs in a process of its own, whose peak is the system's (``VmHWM``). Both read the
same audit file, as an audit does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Measured, own_peak_mib, times

from assay.cache.audits.writer import AuditBuilder
from assay.cache.store import Store
from assay.core.audit import gradients_in_bounds
from assay.core.gradients.blocked import BlockedProjections
from assay.core.gradients.windows import ROWS_TOGETHER
from assay.core.runtime import memory
from assay.core.selection.greedy import select
from assay.core.selection.matching_pursuit import select_plus

_WIDTH, _BUDGET, _NAME = 2_048, 500, "bounded"
_MIB = 1 << 20


@dataclass(frozen=True)
class _Run:
    """``peak`` and ``at_start``: MiB; ``n_windows``: read from disk, of how many a pass reads."""

    picks: list[int]
    seconds: float
    peak: float
    at_start: float
    n_windows: int
    n_a_pass: int

    @property
    def taken(self) -> float:
        """MiB that the selection added to the process."""
        return self.peak - self.at_start


def bounded_memory() -> Iterator[Measured]:
    """SELECT and SELECT+ of 500 from random gradients of 2,048 dimensions."""
    before: dict[str, float] = {}
    for n_documents in (25_000, 75_000):
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), n_documents)
            for way in ("select", "select-plus"):
                whole, disk = (_run(folder, way, is_on_disk) for is_on_disk in (False, True))
                yield from _beside_each_other(
                    f"{way} of {_BUDGET} from {n_documents:,}", whole, disk
                )
                if way in before:
                    yield Measured(
                        f"Memory of {way} from disk, 3 times the documents beside a third",
                        times(disk.taken / before[way]),
                    )
                before[way] = disk.taken


def _beside_each_other(what: str, whole: _Run, disk: _Run) -> Iterator[Measured]:
    n_same = sum(a == b for a, b in zip(whole.picks, disk.picks, strict=True))
    yield Measured(
        f"Memory of {what} × {_WIDTH:,}: gradients in memory ({whole.taken:,.0f} MiB more than at "
        f"the start; peak of the process {whole.peak:,.0f}), beside on disk ({disk.taken:,.0f}; "
        f"peak {disk.peak:,.0f})",
        times(whole.taken / disk.taken),
    )
    yield Measured(
        f"Time of the same: on disk ({disk.seconds:.1f} s), beside in memory; {n_same} of "
        f"{len(whole.picks)} picks are the same, in the same order; {disk.n_windows:,} windows "
        f"read, {disk.n_windows / (disk.n_a_pass * _BUDGET):.1%} of all at every pick",
        times(disk.seconds / whole.seconds),
        "all picks",
    )


def _write(folder: Path, n_documents: int) -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=_WIDTH)
    with AuditBuilder(Store(folder), _NAME) as builder, builder.stage("gradients"):
        builder.write_target(0, float(np.linalg.norm(target)), None)
        for first in range(0, n_documents, 4_096):
            n = min(4_096, n_documents - first)
            rows = rng.normal(size=(n, _WIDTH)).astype("f4")
            builder.write_matrix("factors", {"checkpoint": 0, "name": "projected"}, rows, first)
            builder.write(
                "scores",
                {
                    "document_id": np.arange(first, first + n),
                    "pseudolabel": [None] * n,
                    "final_probability": [None] * n,
                    "base_loss": np.zeros(n),
                    "alignment": list((rows @ target)[:, None]),
                    "squared_norms": list((rows.astype("f8") ** 2).sum(1)[:, None]),
                    "cosine": np.zeros(n),
                },
            )


def _run(folder: str, way: str, is_on_disk: bool) -> _Run:
    command = [sys.executable, __file__, folder, way, "disk" if is_on_disk else "memory"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return _Run(**json.loads(said.splitlines()[-1]))


def _selected(folder: str, way: str, is_on_disk: bool) -> dict[str, Any]:
    n_windows, window = 0, BlockedProjections.window

    def counted(self: BlockedProjections, part: slice) -> Any:
        nonlocal n_windows
        n_windows += 1
        return window(self, part)

    BlockedProjections.window = counted
    memory.available = lambda container=Path(): 0 if is_on_disk else 1 << 60
    with AuditBuilder(Store(Path(folder)), _NAME) as builder:
        at_start, start = own_peak_mib(), time.perf_counter()
        features = gradients_in_bounds.GradientsInBounds(builder, {}).last_layers()
        choose = select if way == "select" else select_plus
        picks = choose(features, _BUDGET).documents
        seconds = time.perf_counter() - start
    return {
        "picks": picks,
        "seconds": seconds,
        "peak": own_peak_mib(),
        "at_start": at_start,
        "n_windows": n_windows,
        "n_a_pass": -(-features.n_documents // ROWS_TOGETHER),
    }


if __name__ == "__main__":
    print(json.dumps(_selected(sys.argv[1], sys.argv[2], sys.argv[3] == "disk")))
