"""Measures two ways of doing one thing side by side, and prints the table that docs/PERFORMANCE.md
keeps.

Ratios, not seconds, so that a busy machine slows both sides. Each pair runs in turns and the median
of its ratios is printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

N_TURNS = 3


@dataclass(frozen=True)
class Measured:
    """One line of the table. ``goal``: what the figure should be, as a reader compares it."""

    what: str
    figure: str
    goal: str = ""


Benchmark = Callable[[], Iterable[Measured]]


def ratio(first: Callable[[], object], second: Callable[[], object], turns: int = N_TURNS) -> float:
    """How many times as long ``first`` takes as ``second``, the median over turns."""
    return statistics.median(a / b for a, b in _times(first, second, turns))


def _times(
    first: Callable[[], object], second: Callable[[], object], turns: int
) -> Iterator[tuple[float, float]]:
    for _ in range(turns):
        yield seconds(first), seconds(second)


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_mib(script: str, *arguments: str) -> float:
    """Peak memory of a Python process that runs ``script``, MiB."""
    here = str(Path(__file__).parent)
    measured = (
        f"{script}\nimport sys; sys.path.insert(0, {here!r})\n"
        "from measuring import own_peak_mib\nprint(own_peak_mib())"
    )
    command = [sys.executable, "-c", measured, *arguments]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(said.split()[-1])


def own_peak_mib() -> float:
    """Peak memory of this process, MiB, on Linux.

    ``ru_maxrss`` would also count what the parent held when it started this process.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def times(value: float) -> str:
    return f"{value:.2f} ×" if value < 10 else f"{value:.0f} ×"


def show(lines: Iterable[Measured]) -> None:
    """Print lines of a Markdown table as they come."""
    for line in lines:
        print(f"| {line.what} | {line.figure} | {line.goal} |", flush=True)
