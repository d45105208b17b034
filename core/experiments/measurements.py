"""The values that a recipe takes from a sealed audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assay.cache.audits.read import read_metrics, read_titration
from assay.core.experiments.grid import Cell
from assay.core.experiments.ot_sensitivity import replaced_by_truth
from assay.core.experiments.recipes import Axis, Recipe
from assay.core.specs.metrics import Metric


@dataclass(frozen=True)
class Measurement:
    """One value of one cell; ``x`` is None if the recipe varies nothing along an axis."""

    x: float | None
    subject: str
    metric: str
    value: float


def measurements_of(recipe: Recipe, cell: Cell, audit: Path, final: Path) -> list[Measurement]:
    """The recipe's values from one audit, whose final model is in the folder ``final``."""
    # Whatever a recipe measures, a ranking by equal scores is a random draw.
    metrics = (*recipe.metrics, Metric.EQUAL_SCORES)
    match recipe.x:
        case Axis.REPLACED_SHARE:
            drawn = read_metrics(audit).assign(x=None)
            return [
                *(
                    Measurement(share, strategy, metric, value)
                    for strategy in recipe.strategies
                    for share, metric, value in replaced_by_truth(
                        audit, final, strategy, cell.finetune.training.max_tokens, cell.seed
                    )
                ),
                *_chosen(drawn, (Metric.EQUAL_SCORES,), recipe.strategies),
            ]
        case Axis.LEAKED_SHARE:
            rows = read_titration(audit).rename(
                columns={"leaked_share": "x", "strategy": "subject"}
            )
            return list(_chosen(rows, metrics))
        case _:
            return list(_chosen(read_metrics(audit).assign(x=cell.x), metrics))


def _chosen(
    rows: pd.DataFrame, metrics: Sequence[str], subjects: Sequence[str] | None = None
) -> Iterator[Measurement]:
    """``subjects``: whose; None for everybody's."""
    of_these = rows["metric"].isin(metrics)
    if subjects is not None:
        of_these &= rows["subject"].isin(subjects)
    for row in rows[of_these].itertuples():
        x = None if pd.isna(row.x) else float(row.x)
        yield Measurement(x, str(row.subject), str(row.metric), float(row.value))
