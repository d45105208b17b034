"""What an experiment says about itself, as stored in its file."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.results.result import Result


@dataclass(frozen=True)
class ExperimentResult(Result):
    """``names``: titles of the models and data sets used. ``left_out``: those not available."""

    recipe: str
    scale: str
    n_seeds: int
    is_built_in: bool
    names: dict[str, str]
    left_out: tuple[str, ...]
