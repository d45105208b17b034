"""Maps of two sizes: peak memory and time, each in a process of its own, embeddings on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measuring import Measured, own_peak_mib, times

from assay.cache.files.spilled import SpilledRows
from assay.core.similarity.map_layout import lay_out

_SIZES = (20_000, 60_000)
_WIDTH, _N_TOPICS, _AT_ONCE = 384, 60, 4_096


def map_memory() -> Iterator[Measured]:
    """Peak and seconds of a map of random topics, and what three times the documents add."""
    small, large = (_run(n) for n in _SIZES)
    more = _SIZES[1] - _SIZES[0]
    added = (large["peak"] - small["peak"]) * (1 << 20) / more
    yield Measured(
        f"Peak of a map of {_SIZES[1]:,} ({large['peak']:,.0f} MiB, {large['at_start']:,.0f} at "
        f"the start), beside {_SIZES[0]:,} ({small['peak']:,.0f}); {added:,.0f} bytes a document",
        times(large["peak"] / small["peak"]),
    )
    yield Measured(
        f"CPU of the same ({large['seconds']:.0f} s and {small['seconds']:.0f} s); "
        f"{(large['seconds'] - small['seconds']) * 1e3 / more:.2f} ms for each document more",
        times(large["seconds"] / small["seconds"]),
    )


def _run(n_documents: int) -> dict[str, float]:
    command = [sys.executable, __file__, str(n_documents)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def _mapped(n_documents: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(_N_TOPICS, _WIDTH))
    with tempfile.TemporaryDirectory() as folder:
        vectors = SpilledRows(Path(folder), _WIDTH)
        for first in range(0, n_documents, _AT_ONCE):
            n = min(_AT_ONCE, n_documents - first)
            rows = topics[rng.integers(0, _N_TOPICS, n)] + 1.2 * rng.normal(size=(n, _WIDTH))
            vectors.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        at_start, start = own_peak_mib(), time.process_time()
        lay_out(vectors, 0)
        seconds = time.process_time() - start
    return {"peak": own_peak_mib(), "at_start": at_start, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(_mapped(int(sys.argv[1]))))
