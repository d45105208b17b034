"""A recipe's grid as cells, each of which is a fine-tuning and an audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from assay.core.errors import InputError
from assay.core.experiments.catalogue import Catalogue, file_names, paper_titles
from assay.core.experiments.recipes import Axis, Recipe, Sizes
from assay.core.specs.audit import AuditSpec, TitrationSpec
from assay.core.specs.data import DataRef, Role, Task
from assay.core.specs.strategies import CONTROLS, Strategy
from assay.core.specs.training import FinetuneSpec, Optimizer, TrainingSpec


@dataclass(frozen=True)
class Cell:
    """One audit of the grid. ``audit.final`` is still empty: ``finetune`` makes it.

    ``panel``, ``variant`` and ``x`` say where its values belong; ``x`` is None if the audit itself
    varies it, or if the recipe has none.
    """

    name: str
    panel: str
    variant: str
    x: float | None
    seed: int
    finetune: FinetuneSpec
    audit: AuditSpec


def cells_of(recipe: Recipe, catalogue: Catalogue, n_seeds: int) -> list[Cell]:
    """The whole grid, seed after seed; InputError if nothing of it is available."""
    cells = [
        cell
        for seed in range(n_seeds)
        for point in _points(recipe, catalogue)
        for cell in _cells_at(recipe, catalogue, point, seed)
    ]
    if not cells:
        left_out, files = catalogue.left_out(recipe), file_names()
        wanted = ", ".join(files[name] for name in left_out if name in files)
        raise InputError(
            f"a model, a data set and a seed corpus for {recipe.name}",
            f"none of {', '.join(paper_titles()[name] for name in left_out)}",
            f"give a --data folder with {wanted}" if wanted else "name one with --model NAME=PLACE",
        )
    return cells


@dataclass(frozen=True)
class _Point:
    model: str
    target: str
    corpus: str
    final_optimizer: Optimizer
    student_optimizer: Optimizer


def _points(recipe: Recipe, catalogue: Catalogue) -> Iterator[_Point]:
    """The available part of the grid; if two names mean the same thing, it is there once."""
    optimizers = recipe.optimizers or (Optimizer.ADAM,)
    models = _distinct(recipe.models, {n: m.location for n, m in catalogue.models.items()})
    places = {name: known.train for name, known in catalogue.sets.items()}
    targets, corpora = _distinct(recipe.targets, places), _distinct(recipe.corpora, places)
    for names in product(models, targets, corpora, optimizers, optimizers):
        yield _Point(*names)


def _distinct(names: tuple[str, ...], places: Mapping[str, str]) -> list[str]:
    """The first name of each location, among those that have one."""
    first: dict[str, str] = {}
    for name in names:
        if name in places:
            first.setdefault(places[name], name)
    return list(first.values())


def _cells_at(recipe: Recipe, catalogue: Catalogue, point: _Point, seed: int) -> Iterator[Cell]:
    sizes = catalogue.sizes_of(recipe)
    asked = _asked(recipe, catalogue, point, seed)
    finetune = FinetuneSpec(
        asked.base,
        _known(asked.reference),
        _training(sizes, point.final_optimizer, seed),
        asked.task,
    )
    values = {
        Axis.NONE: "",
        Axis.MODEL: point.model,
        Axis.TARGET: point.target,
        Axis.CORPUS: point.corpus,
        Axis.FINAL_OPTIMIZER: str(point.final_optimizer),
        Axis.STUDENT_OPTIMIZER: str(point.student_optimizer),
    }
    panel, variant = values[recipe.panel], values[recipe.variant]
    for budget, dimension in product(sizes.budgets, (None, *sizes.dimensions)):
        audit = replace(asked, budget=budget, projection_dimension=dimension)
        if dimension is not None:
            # The others need no products between gradients, so the exact cell includes them.
            audit = replace(audit, strategies=(Strategy.SELECT,))
        if sizes.leaked_shares:
            audit = _titrated(audit, sizes)
        x = {Axis.BUDGET: budget, Axis.DIMENSION: dimension}.get(recipe.x)
        where = [panel, variant, "" if x is None else f"{recipe.x.shown_as} {x:,}", f"seed {seed}"]
        yield Cell(", ".join(filter(None, where)), panel, variant, x, seed, finetune, audit)


def _asked(recipe: Recipe, catalogue: Catalogue, point: _Point, seed: int) -> AuditSpec:
    """What all audits of a point have in common.

    The title says no more than the contents do, so that recipes find each other's audits.
    """
    sizes = catalogue.sizes_of(recipe)
    model = catalogue.models[point.model]
    target, corpus = catalogue.sets[point.target], catalogue.sets[point.corpus]
    is_labelled = recipe.task is Task.CLASSIFICATION
    return AuditSpec(
        base=model.location,
        final="",
        seed_corpus=(corpus.train_part(None, is_labelled=False),),
        n_candidates=sizes.n_candidates,
        task=recipe.task,
        strategies=recipe.strategies,
        reference=target.train_part(sizes.n_reference, is_labelled),
        test=target.test_part(sizes.n_test, is_labelled),
        training=_training(sizes, point.student_optimizer, seed),
        n_student_epochs=sizes.n_student_epochs,
        n_random_students=1,  # the recipe's seeds show how much students differ
        is_mapped=False,
        seed=seed,
        title=f"{model.title}, {target.title} from {corpus.title}",
    )


def _titrated(audit: AuditSpec, sizes: Sizes) -> AuditSpec:
    """The same audit as a titration of training, held-out and other documents."""
    reference = _known(audit.reference)
    trained = replace(reference, label_column=None, source=Role.TRAINED)
    held_out = replace(trained, sample=sizes.n_held_out, source=Role.HELD_OUT)
    others = (
        replace(ref, sample=sizes.n_candidates, source=Role.OUT_OF_DOMAIN)
        for ref in audit.seed_corpus
    )
    return replace(
        audit,
        seed_corpus=(trained, held_out, *others),
        n_candidates=None,
        strategies=tuple(s for s in Strategy if s in {*audit.strategies, *CONTROLS}),
        held_out_source=Role.HELD_OUT,
        titration=TitrationSpec(sizes.leaked_shares, (audit.budget,), n_seeds=1),
    )


def _training(sizes: Sizes, optimizer: Optimizer, seed: int) -> TrainingSpec:
    own = {"optimizer": optimizer, "weight_decay": optimizer.usual_decay, "seed": seed}
    training = TrainingSpec(**{**sizes.training, **own})
    rate = sizes.learning_rates.get(optimizer, training.learning_rate)
    return replace(training, learning_rate=rate)


def _known(reference: DataRef | None) -> DataRef:
    assert reference is not None
    return reference
