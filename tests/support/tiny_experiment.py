"""Every recipe at its smallest grid: tiny models, tiny sets, the recipe's own axes."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from support.tiny_models import documents, save_bert, save_gpt2

from assay.core.experiments.catalogue import Catalogue, KnownModel, KnownSet
from assay.core.experiments.recipes import NAMES, Recipe, load_recipe
from assay.core.specs.data import Task
from assay.core.specs.experiment import Scale
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import Optimizer

_TRAINING = {"learning_rate": 3e-3, "batch_size": 16, "n_epochs": 4, "max_tokens": 24}
_SIZES = {
    Task.CLASSIFICATION: {
        "n_reference": 60,
        "n_candidates": 50,
        "n_test": 30,
        "budgets": [12],
        "training": _TRAINING,
    },
    Task.SFT: {
        "n_reference": 30,
        "n_candidates": 30,
        "n_test": 10,
        "budgets": [8],
        "training": {**_TRAINING, "n_epochs": 2},
    },
}
# What each recipe varies, few values each; what it does not name is its own. Starting the
# processes of students takes longest, so that only recipes about them train some.
_NO_STUDENTS = {"metrics": (Metric.TRANSPORT, Metric.CONTAINMENT)}
_GRIDS = {
    "main-classification": {"targets": ("ag_news",)},
    "main-sft": {},
    "selection-size": {"sizes": {"budgets": [6, 12]}, **_NO_STUDENTS},
    "leakage-titration": {"sizes": {"n_held_out": 40, "leaked_shares": [0.5, 1.0]}},
    "ot-sensitivity": {},
    "projection-dimension": {"sizes": {"dimensions": [6]}, **_NO_STUDENTS},
    "seed-corpus": {"targets": ("ag_news",), "corpora": ("ag_news", "nq"), **_NO_STUDENTS},
    "optimizers": {
        "optimizers": (Optimizer.ADAM, Optimizer.SGD),
        "sizes": {"learning_rates": {"sgd": 1e-2}},
        **_NO_STUDENTS,
    },
}
_WITH_STUDENTS = ("main-classification", "main-sft")
_FEW = (Strategy.RANDOM, Strategy.TOP_K, Strategy.SELECT)


def tiny_recipe(name: str) -> Recipe:
    """A recipe as it is, but for few strategies, names and sizes."""
    grid = dict(_GRIDS[name])
    n_epochs = 1 if name in _WITH_STUDENTS else 0
    sizes = {Scale.SMALL: {**grid.pop("sizes", {}), "n_student_epochs": n_epochs}}
    recipe = load_recipe(name)
    strategies = tuple(strategy for strategy in recipe.strategies if strategy in _FEW)
    return replace(recipe, strategies=strategies, sizes=sizes, **grid)


def tiny_catalogue(folder) -> Catalogue:
    """Sets and models of the names the recipes use, written to ``folder``."""
    texts, names = documents(500, seed=5)
    known = list(dict(zip(texts, names, strict=True)).items())
    sets = {}
    for number, name in enumerate(("ag_news", "msmarco", "nq")):
        part = pd.DataFrame(known[number * 120 : number * 120 + 120], columns=["text", "label"])
        part["split"] = ["train"] * 90 + ["test"] * 30
        file = folder / f"{name}.parquet"
        part.to_parquet(file)
        sets[name] = KnownSet(f"tiny {name}", f"{file}#train", f"{file}#test", "text")
    save_bert(folder / "bert")
    save_gpt2(folder / "gpt2")
    models = {
        "gpt2_medium": KnownModel("tiny BERT", str(folder / "bert")),
        "llama_1b": KnownModel("tiny GPT-2", str(folder / "gpt2")),
    }
    return Catalogue(Scale.SMALL, sets, models, _SIZES, is_built_in=False)


assert set(_GRIDS) == set(NAMES)
