"""Where a recipe's models and data sets are: on the hub, in a folder, or built in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.core.errors import InputError
from assay.core.experiments.recipes import Recipe, Sizes
from assay.core.specs.data import DataRef
from assay.core.specs.experiment import Scale

_SETS_FILE = Path(__file__).parent / "sets.toml"


@dataclass(frozen=True)
class KnownSet:
    """A data set at one location: its name, and its training and test parts."""

    title: str
    train: str
    test: str | None
    text_column: str

    def train_part(self, sample: int | None, is_labelled: bool) -> DataRef:
        """Documents to train on or to select from."""
        return DataRef(self.train, self.text_column, "label" if is_labelled else None, sample)

    def test_part(self, sample: int | None, is_labelled: bool) -> DataRef:
        """Documents to test on.

        If a data set has no test part, others drawn from its training part; two samples of
        different size share documents only by chance.
        """
        return replace(self.train_part(sample, is_labelled), location=self.test or self.train)


@dataclass(frozen=True)
class KnownModel:
    """A base model at one scale."""

    title: str
    location: str


@dataclass(frozen=True)
class Catalogue:
    """What is available at one scale, by the names that recipes use; the rest is left out."""

    scale: Scale
    sets: Mapping[str, KnownSet]
    models: Mapping[str, KnownModel]
    sizes: Mapping[str, Mapping[str, Any]]
    is_built_in: bool

    def sizes_of(self, recipe: Recipe) -> Sizes:
        """The scale's sizes, with the recipe's own settings."""
        plain = {**self.sizes[recipe.task], **recipe.sizes[self.scale]}
        for name in ("budgets", "leaked_shares", "dimensions"):
            plain[name] = tuple(plain.get(name, ()))
        return Sizes(**plain)

    def left_out(self, recipe: Recipe) -> list[str]:
        """The names in the recipe's grid that are not available."""
        named = dict.fromkeys((*recipe.models, *recipe.targets, *recipe.corpora))
        return [name for name in named if name not in self.sets and name not in self.models]


def catalogue_of(
    scale: Scale, data: Path | None, built_in: Path, models: Mapping[str, str] | None = None
) -> Catalogue:
    """What is available: the files in ``data``, otherwise the paper's data sets by hub name or, at
    small scale, the files of built-in text in ``built_in``.

    ``models``: locations to use instead of a scale's own, by the names that recipes use. InputError
    for a folder that does not exist or holds no data set of the recipes, or for a model that they
    do not name.
    """
    plain = tomllib.loads(_SETS_FILE.read_text(encoding="utf-8"))
    if data is not None and not data.is_dir():
        raise InputError("a folder of data files", f"{str(data)!r}", "check --data")
    sets = {}
    for name, about in plain["sets"].items():
        if data is not None:
            if (data / about["file"]).is_file():
                sets[name] = _in_a_file(about["title"], data / about["file"])
        elif scale is Scale.PAPER:
            sets[name] = _on_the_hub(about)
        elif "built_in" in about:
            file = about["built_in"]
            sets[name] = _in_a_file(plain["built_in_titles"][file], built_in / file)
    if not sets:
        known = ", ".join(about["file"] for about in plain["sets"].values())
        raise InputError(f"some of {known} in {str(data)!r}", "none of them", "check --data")
    is_built_in = scale is Scale.SMALL and data is None
    known_models = _models(plain["models"], scale, models or {})
    return Catalogue(scale, sets, known_models, plain[scale], is_built_in)


def _models(
    known: Mapping[str, Mapping[str, str]], scale: Scale, chosen: Mapping[str, str]
) -> dict[str, KnownModel]:
    for name in chosen:
        if name not in known:
            raise InputError(
                f"a model among {', '.join(known)}", repr(name), "correct --model NAME=PLACE"
            )
    own = {
        name: KnownModel(about["title"], about["hub"])
        if scale is Scale.PAPER
        else KnownModel(about["small_title"], about["small"])
        for name, about in known.items()
        if scale is Scale.PAPER or "small" in about
    }
    return own | {name: KnownModel(Path(place).name, place) for name, place in chosen.items()}


def paper_titles() -> dict[str, str]:
    """The paper's name for each data set and model of the recipes."""
    plain = tomllib.loads(_SETS_FILE.read_text(encoding="utf-8"))
    return {
        name: about["title"] for group in ("sets", "models") for name, about in plain[group].items()
    }


def file_names() -> dict[str, str]:
    """The file of each data set of the recipes in a folder given with --data."""
    plain = tomllib.loads(_SETS_FILE.read_text(encoding="utf-8"))
    return {name: about["file"] for name, about in plain["sets"].items()}


def _on_the_hub(about: Mapping[str, Any]) -> KnownSet:
    test = None if about.get("hub_has_no_test") else f"{about['hub']}#test"
    return KnownSet(about["title"], f"{about['hub']}#train", test, about.get("hub_text", "text"))


def _in_a_file(title: str, file: Path) -> KnownSet:
    return KnownSet(title, f"{file}#train", f"{file}#test", "text")
