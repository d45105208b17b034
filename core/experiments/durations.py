"""How long each stage of an experiment is expected to take; only the proportions matter."""

from __future__ import annotations

from assay.core.audit.durations import audit_plan, finetune_plan
from assay.core.experiments.grid import Cell

# The stage in which several cells are made in parallel.
AT_ONCE = "cells"


def experiment_plan(cells: list[Cell], n_at_once: int = 1) -> dict[str, float]:
    """Expected seconds of each stage, over the whole grid, in the order in which they run."""
    if n_at_once > 1:
        return {AT_ONCE: sum(experiment_plan(cells).values()) / n_at_once}
    plan: dict[str, float] = {}
    for cell in cells:
        stages = {
            **finetune_plan(cell.finetune.data.sample, cell.finetune.training.n_epochs),
            **audit_plan(cell.audit),
        }
        plan |= {f"{cell.name} · {stage}": seconds for stage, seconds in stages.items()}
    return plan
