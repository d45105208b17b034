"""The values that a recipe takes from a sealed audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assay.cache.audits.read import read_metrics, read_titration
from assay.core.experiments.grid import Cell
from assay.core.experiments.ot_sensitivity import replaced_by_truth
from assay.core.experiments.recipes import Axis, Recipe


@dataclass(frozen=True)
class Measurement:
    """One value of one cell; ``x`` is None if the recipe varies nothing along an axis."""

    x: float | None
    subject: str
    metric: str
    value: float


def measurements_of(recipe: Recipe, cell: Cell, audit: Path, final: Path) -> list[Measurement]:
    """The recipe's values from one audit, whose final model is in the folder ``final``."""
    match recipe.x:
        case Axis.REPLACED_SHARE:
            return [
                Measurement(share, strategy, metric, value)
                for strategy in recipe.strategies
                for share, metric, value in replaced_by_truth(
                    audit, final, strategy, cell.finetune.training.max_tokens, cell.seed
                )
            ]
        case Axis.LEAKED_SHARE:
            rows = read_titration(audit).rename(
                columns={"leaked_share": "x", "strategy": "subject"}
            )
            return list(_chosen(recipe, rows))
        case _:
            return list(_chosen(recipe, read_metrics(audit).assign(x=cell.x)))


def _chosen(recipe: Recipe, rows: pd.DataFrame) -> Iterator[Measurement]:
    for row in rows[rows["metric"].isin(recipe.metrics)].itertuples():
        x = None if pd.isna(row.x) else float(row.x)
        yield Measurement(x, str(row.subject), str(row.metric), float(row.value))
