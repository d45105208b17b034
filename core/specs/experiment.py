"""Which of the paper's experiments is made, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from assay.core.specs.options import Names, option


class Scale(StrEnum):
    """Local models and sets, or the paper's by hub name."""

    SMALL = "small"
    PAPER = "paper"


@dataclass(frozen=True)
class ExperimentSpec:
    """One table or figure of the paper."""

    name: str = option(
        is_argument=True,
        names=Names.EXPERIMENT,
        help="Name of an experiment; `list` shows all.",
    )
    scale: Scale = option(
        Scale.SMALL,
        is_main=True,
        help="small: small local models and data; paper: the paper's own, from the hub.",
    )
    n_seeds: int = option(
        3,
        flag="seeds",
        minimum=1,
        is_main=True,
        help="Repetitions, each with its own final model, seed corpus and random selection.",
    )
    data: str | None = option(
        None,
        names=Names.DATA_FOLDER,
        is_main=True,
        help="Folder with data sets such as ag_news.parquet.",
        unset="built-in text at scale small, the hub at scale paper",
    )
    models: tuple[str, ...] | None = option(
        None,
        flag="model",
        names=Names.NAMED_MODEL,
        help="NAME=PLACE, for example gpt2_medium=FOLDER: where to find one of the experiment's "
        "models. Repeat for several.",
    )
    n_at_once: int = option(
        1,
        flag="at-once",
        minimum=1,
        help="Cells to run in parallel, each in its own process.",
    )
