"""Makes an experiment's cells on the workers of a Ray cluster.

A cell is made as on this machine, in the same store, which all machines must share. So cells that
were made here, there, or in another process are the same, but for last bits: who comes first
decides which texts are embedded together. A lost worker's cell is continued by another at the stage
that it had reached.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from assay.cache.store import Store
from assay.core.engines.ray_engine import Device, RayEngine
from assay.core.errors import InputError
from assay.core.experiments.cell import final_models_first, make_cell, share_the_machine, shared_by
from assay.core.experiments.durations import AT_ONCE
from assay.core.experiments.grid import Cell
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import Progress, SilentProgress
from assay.core.specs.compute import Spread


def make_on_cluster(
    cells: Sequence[Cell],
    experiment_id: str,
    store: Store,
    compute: Compute,
    n_at_once: int,
    progress: Progress,
    spread: Spread,
) -> None:
    """Make the cells on all machines of a cluster; their results are in the store.

    Each machine makes one cell per GPU, or else ``n_at_once``, sharing the threads. InputError if a
    machine does not have the store.
    """
    kind = torch.device(compute.device).type
    # A worker sees its own device only, by the name that this machine's first one has.
    own = replace(shared_by(n_at_once, compute), device=kind)
    store = Store(store.root.absolute())
    token = store.building / f"{experiment_id}.shared"
    token.write_text(secrets.token_hex())
    device = Device(kind == "cuda", own.n_threads)
    load = SharedStore(store, token, token.read_text(), own.n_threads, Path.cwd())
    make = MakeCell(experiment_id, own)
    try:
        with (
            progress.stage(AT_ONCE, len(cells)),
            RayEngine(load, device, spread.address, progress.note) as engine,
        ):
            pieces = ((cell.name, cell) for cell in final_models_first(cells))
            for name, _ in engine.computed(make(store), make, pieces):
                progress.note(f"{name} made")
                progress.advance(1)
    finally:
        token.unlink(missing_ok=True)


@dataclass(frozen=True)
class SharedStore:
    """Makes a worker ready, and gives it the store if its machine has the same one."""

    store: Store
    token: Path
    said: str
    n_threads: int
    folder: Path

    def __call__(self) -> Store:
        if not self.token.is_file() or self.token.read_text() != self.said:
            raise InputError(
                f"the store {self.store.root} on every machine of the cluster",
                "a machine without it",
                "put store, models and data on a file system that all machines share",
            )
        share_the_machine(self.n_threads)
        if self.folder.is_dir():
            os.chdir(self.folder)  # places of data and models may start here
        return self.store


@dataclass(frozen=True)
class MakeCell:
    """From the store to what makes one cell in it."""

    experiment_id: str
    compute: Compute

    def __call__(self, store: Store) -> Callable[[Cell], Any]:
        return lambda cell: (
            make_cell(cell, self.experiment_id, store, self.compute, SilentProgress()).audit.id
        )
