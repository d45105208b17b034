"""SELECT and its kin beside the formula as the paper states it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from measuring import N_TURNS, Measured, ratio, seconds, times
from numpy.typing import NDArray
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from assay.core.gradients.features import FactoredGradients, ProjectedGradients
from assay.core.selection.greedy import select
from assay.core.selection.inputs import SelectionInputs
from assay.core.selection.matching_pursuit import select_plus
from assay.core.selection.titration import Corpus, titrate
from assay.core.similarity.vectors import VectorsInMemory
from assay.core.specs.strategies import BY_OWN_SCORE, Strategy


def selection_ratios() -> Iterator[Measured]:
    yield _beside_the_formula()
    for n_classes in (4, 14):
        yield _factored(n_classes)
    yield _weighted()
    yield from _growth()
    yield from _live()


def _beside_the_formula() -> Measured:
    """20,000 × 2,048, budget 500, in double precision; both must choose the same documents."""
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(20_000, 2_048)).astype("f4")
    target = rng.normal(size=2_048)
    features = ProjectedGradients(
        gradients[None],
        (gradients @ target)[None],
        (gradients.astype("f8") ** 2).sum(1)[None],
        np.array([np.linalg.norm(target)]),
    )
    chosen: list[tuple[int, ...]] = []
    ours = seconds(lambda: chosen.append(select(features, 500).documents))
    exact = gradients.astype("f8")
    plain = seconds(lambda: chosen.append(_by_the_formula(exact, target, 500)))
    n_same = sum(a == b for a, b in zip(*chosen, strict=True))
    return Measured(
        "SELECT of 500 from 20,000 × 2,048: the naive formula in float64, beside ours; "
        f"{n_same} of 500 picks are the same, in the same order",
        times(plain / ours),
        "at least 30; all picks",
    )


def _by_the_formula(gradients: NDArray, target: NDArray, budget: int) -> tuple[int, ...]:
    total, unit = np.zeros_like(target), target / np.linalg.norm(target)
    taken: list[int] = []
    for _ in range(budget):
        sums = total + gradients
        cosines = sums @ unit / np.linalg.norm(sums, axis=1)
        cosines[taken] = -np.inf
        taken.append(int(cosines.argmax()))
        total = total + gradients[taken[-1]]
    return tuple(taken)


def _factored(n_classes: int) -> Measured:
    features = _factors(10_000, n_classes, 385)
    gradients = _written_out(features)
    target = features.target.reshape(-1)
    # A tenth of the steps, which all take the same time.
    budget = 100
    return Measured(
        f"SELECT of 100 from 10,000 in factored form ({n_classes} classes × 385), beside which the "
        "naive formula over written-out gradients takes",
        times(
            10
            * ratio(
                lambda: _by_the_formula(gradients, target, budget // 10),
                lambda: select(features, budget),
            )
        ),
    )


def _weighted() -> Measured:
    features = _factors(10_000, 4, 385)
    gradients = _written_out(features)
    target = features.target.reshape(-1) / np.linalg.norm(features.target)
    lengths, budget = np.linalg.norm(gradients, axis=1), 300

    def from_nothing() -> None:
        chosen: list[int] = []
        residual = target
        for _ in range(budget):
            fit = gradients @ residual / lengths
            fit[chosen] = -np.inf
            chosen.append(int(fit.argmax()))
            lower = np.linalg.cholesky(gradients[chosen] @ gradients[chosen].T)
            weights = nnls(lower.T, np.linalg.solve(lower, gradients[chosen] @ target))[0]
            residual = target - weights.astype("f4") @ gradients[chosen]

    return Measured(
        "SELECT+ of 300 from 10,000 (4 classes × 385): every fit from scratch, beside ours",
        times(ratio(from_nothing, lambda: select_plus(features, budget))),
    )


def _growth() -> Iterator[Measured]:
    """How time grows where one size does."""
    usual = seconds(lambda: select(_PLAIN, 250))
    for what, features, budget in (
        ("4 times the documents", _factors(80_000, 4, 385), 250),
        ("10 times the documents (200,000)", _factors(200_000, 4, 385), 250),
        ("2 times the width", _factors(20_000, 4, 770), 250),
        ("2 times the budget", _PLAIN, 500),
    ):
        took = seconds(partial(select, features, budget))
        yield Measured(
            f"SELECT of 250 from 20,000 (4 classes × 385) takes {usual:.2f} s; with {what}",
            times(took / usual),
            "in proportion",
        )


def _live() -> Iterator[Measured]:
    features = _factors(10_000, 4, 385)
    rng, number = np.random.default_rng(1), np.arange(features.n_documents)
    corpus = Corpus(
        SelectionInputs(
            features,
            rng.integers(0, 4, len(number)),
            rng.random(len(number)),
            {strategy: rng.normal(size=len(number)) for strategy in BY_OWN_SCORE},
            features,
        ),
        is_trained=number < 3000,
        is_held_out=(number >= 3000) & (number < 6000),
        blind=rng.random((len(number), 2)) / 2,
        embeddings=VectorsInMemory(rng.normal(size=(len(number), 384)).astype("f4")),
        reference=VectorsInMemory(rng.normal(size=(2000, 384)).astype("f4")),
        batch_size=32,
    )
    with threadpool_limits(1):
        titrate(corpus, 1.0, 500, Strategy.RANDOM, 0)  # imports
        took = {
            name: min(seconds(partial(titrate, corpus, 1.0, 500, name, 0)) for _ in range(N_TURNS))
            for name in corpus.selectors
        }
    for name, own in took.items():
        yield Measured(
            f"Moving a titration slider, 500 of 10,000, all metrics, one thread: {name}",
            f"{own:.2f} s",
            "below 0.5 s",
        )


def _factors(n: int, n_classes: int, width: int) -> FactoredGradients:
    rng = np.random.default_rng(0)
    return FactoredGradients(
        rng.normal(size=(1, n, n_classes)).astype("f4"),
        rng.normal(size=(1, n, width)).astype("f4"),
        rng.normal(size=(1, n_classes, width)).astype("f4"),
    )


def _written_out(features: FactoredGradients) -> NDArray:
    gradients = np.einsum("nc,nd->ncd", features.errors[0], features.hidden[0])
    return gradients.reshape(features.n_documents, -1)


_PLAIN = _factors(20_000, 4, 385)
