"""The paper's experiments as recipes: one TOML file each, read into plain values for pages too."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.data import Task
from assay.core.specs.experiment import ExperimentSpec, Scale
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import Optimizer

_FOLDER = Path(__file__).parent / "recipes"
# Tables before figures, in the paper's order.
NAMES = (
    "main-classification",
    "main-sft",
    "selection-size",
    "leakage-titration",
    "ot-sensitivity",
    "projection-dimension",
    "seed-corpus",
    "optimizers",
)


class Axis(StrEnum):
    """What a recipe varies, and how its results may be arranged."""

    NONE = ""
    MODEL = "model"
    TARGET = "target"
    CORPUS = "corpus"
    BUDGET = "budget"
    LEAKED_SHARE = "leaked_share"
    REPLACED_SHARE = "replaced_share"
    DIMENSION = "dimension"
    FINAL_OPTIMIZER = "final_optimizer"
    STUDENT_OPTIMIZER = "student_optimizer"

    @property
    def shown_as(self) -> str:
        """The axis' title."""
        return _AXIS_TITLES[self]


_AXIS_TITLES = {
    Axis.NONE: "",
    Axis.MODEL: "model",
    Axis.TARGET: "fine-tuned on",
    Axis.CORPUS: "selected from",
    Axis.BUDGET: "selected documents",
    Axis.LEAKED_SHARE: "leaked share",
    Axis.REPLACED_SHARE: "share replaced by training documents",
    Axis.DIMENSION: "dimensions of the projection",
    Axis.FINAL_OPTIMIZER: "final model's optimizer",
    Axis.STUDENT_OPTIMIZER: "students' optimizer",
}


@dataclass(frozen=True)
class Sizes:
    """The sizes of a recipe's grid at one scale; None keeps all documents.

    ``training`` holds fields of ``TrainingSpec``; ``learning_rates`` overrides its rate for an
    optimizer.
    """

    n_candidates: int | None = None
    n_reference: int | None = None
    n_test: int | None = None
    n_held_out: int | None = None
    n_student_epochs: int = 0
    budgets: tuple[int, ...] = ()
    leaked_shares: tuple[float, ...] = ()
    dimensions: tuple[int, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    learning_rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """One of the paper's tables or figures: what varies, what is measured, and the layout.

    Results are grouped into one table or figure per value of ``panel``, side by side by
    ``variant``, along ``x``. ``sizes``: what each scale sets in addition to the common ones.
    """

    name: str
    title: str
    shows: str
    task: Task
    note: str
    metrics: tuple[Metric, ...]
    strategies: tuple[Strategy, ...]
    models: tuple[str, ...]
    targets: tuple[str, ...]
    corpora: tuple[str, ...]
    optimizers: tuple[Optimizer, ...]
    panel: Axis
    variant: Axis
    x: Axis
    sizes: Mapping[Scale, Mapping[str, Any]]


@cache
def load_recipe(name: str) -> Recipe:
    """The recipe with that name; InputError if there is none."""
    if name not in NAMES:
        raise InputError(
            f"an experiment among {', '.join(NAMES)}", repr(name), "see `assay experiment list`"
        )
    plain = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    grid = plain["grid"]
    return Recipe(
        name=name,
        title=plain["title"],
        shows=plain["shows"],
        task=Task(plain["task"]),
        note=plain["note"],
        metrics=tuple(Metric(metric) for metric in plain["metrics"]),
        strategies=tuple(Strategy(strategy) for strategy in plain["strategies"]),
        models=tuple(grid["models"]),
        targets=tuple(grid["targets"]),
        corpora=tuple(grid["corpora"]),
        optimizers=tuple(Optimizer(name) for name in grid.get("optimizers", ())),
        panel=Axis(plain["panel"]),
        variant=Axis(plain.get("variant", "")),
        x=Axis(plain.get("x", "")),
        sizes={scale: plain.get(scale, {}) for scale in Scale},
    )


def title_of(spec: ExperimentSpec) -> str:
    """What a list of jobs calls an experiment; InputError if there is none of its name."""
    seeds = "1 seed" if spec.n_seeds == 1 else f"{spec.n_seeds} seeds"
    return f"{load_recipe(spec.name).title} ({spec.scale}, {seeds})"


def places_of(spec: ExperimentSpec) -> dict[str, str]:
    """Models by name; InputError for an option that is no NAME=PLACE."""
    given = spec.models or ()
    for one in given:
        if not all(one.partition("=")):
            raise InputError(
                "--model NAME=PLACE", repr(one), "write it as in --model gpt2_medium=FOLDER"
            )
    return {name: place for name, _, place in (one.partition("=") for one in given)}
