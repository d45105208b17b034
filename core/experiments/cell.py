"""Makes one cell of an experiment, or several in parallel, each in its own process."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from assay.cache.experiments.cells import file_cell
from assay.cache.files.builder import alone
from assay.cache.store import Store
from assay.core.audit.finetune import finetune, finetune_key
from assay.core.audit.run import run_audit
from assay.core.experiments.durations import AT_ONCE
from assay.core.experiments.grid import Cell
from assay.core.runtime.device import Compute
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.parallel import as_they_come, processes
from assay.core.runtime.progress import Progress, SilentProgress
from assay.core.specs.training import FinetuneSpec


@dataclass(frozen=True)
class MadeCell:
    """The location of a cell's final model and of its sealed audit."""

    final: Path
    audit: Outcome


def make_cell(
    cell: Cell, experiment_id: str, store: Store, compute: Compute, progress: Progress
) -> MadeCell:
    """Fine-tune and audit what is not in the store yet, and file the audit under the experiment."""
    key = finetune_key(cell.finetune, store.models, compute)
    final = store.models / f"final-{key[:16]}"
    with alone(store, final.name, lambda: progress.note("waiting for the same final model")):
        finetune(cell.finetune, final, store.models, compute, progress)
    file = partial(file_cell, store, experiment_id)
    asked = replace(cell.audit, final=str(final))
    return MadeCell(final, run_audit(asked, store, compute, progress, file))


def make_cells(
    cells: Sequence[Cell],
    experiment_id: str,
    store: Store,
    compute: Compute,
    n_at_once: int,
    progress: Progress,
) -> None:
    """Make ``n_at_once`` cells in parallel, sharing the threads; their results are in the store.

    If this process is killed, so are the others, and the next run continues their cells.
    """
    shared = shared_by(n_at_once, compute)
    with (
        progress.stage(AT_ONCE, len(cells)),
        processes(n_at_once, share_the_machine, (shared.n_threads,)) as pool,
    ):
        futures = {
            pool.submit(_make_apart, cell, experiment_id, store, shared)
            for cell in final_models_first(cells)
        }
        for name in as_they_come(futures, lambda: progress.advance(0)):
            progress.note(f"{name} made")
            progress.advance(1)


def final_models_first(cells: Sequence[Cell]) -> list[Cell]:
    """One cell of every final model first: cells that share one would wait for each other."""
    seen: Counter[FinetuneSpec] = Counter()
    turns = []
    for cell in cells:
        turns.append(seen[cell.finetune])
        seen[cell.finetune] += 1
    return [cell for _, cell in sorted(zip(turns, cells, strict=True), key=lambda pair: pair[0])]


def shared_by(n_at_once: int, compute: Compute) -> Compute:
    """What each of several cells on one machine has of its threads."""
    return replace(compute, n_threads=max(1, compute.n_threads // n_at_once))


def share_the_machine(n_threads: int) -> None:
    torch.set_num_threads(n_threads)
    os.environ.setdefault("ASSAY_WORKERS", "1")


def _make_apart(cell: Cell, experiment_id: str, store: Store, compute: Compute) -> str:
    make_cell(cell, experiment_id, store, compute, SilentProgress())
    return cell.name
