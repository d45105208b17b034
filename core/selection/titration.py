"""Controlled titration: one corpus, a share of its training documents in the pool, one selection.

The corpus holds all training documents, held-out documents from the same distribution, and others
(ARCHITECTURE §3). The grid of `assay titrate` and the dashboard's sliders both call ``titrate``, so
a live value and a measured one are the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.core.gradients.features import gradient_features
from assay.core.gradients.pools import PoolGradients, RememberedProducts
from assay.core.selection.inputs import SelectionInputs
from assay.core.selection.strategies import (
    has_nothing_to_rank_by,
    make_selection,
    ranking_scores,
)
from assay.core.similarity.vectors import Vectors, VectorsInMemory
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, strategies_for
from assay.core.stats.ranking import all_equal, ranked
from assay.core.stats.selection_metrics import Measurement, Selected, TransportToReference, figures

if TYPE_CHECKING:  # the page computes with arrays alone, and needs no store for that
    from assay.cache.audits.arrays import CorpusArrays


@dataclass(frozen=True)
class Corpus:
    """What is known about n documents, NumPy; a document's number is its row.

    is_trained and is_held_out (n, bool), all others are out of domain; blind: P(trained),
    P(held-out) by text alone, (n × 2); embeddings (n × d) and those of the reference set, (m × d),
    unit length; None where unknown. ``batch_size`` is the final model's. Gradients and embeddings
    may be on disk.
    """

    inputs: SelectionInputs
    is_trained: NDArray[np.bool_]
    is_held_out: NDArray[np.bool_]
    blind: NDArray[np.float64] | None
    embeddings: Vectors | None
    reference: Vectors | None
    batch_size: int

    @classmethod
    def of(cls, arrays: CorpusArrays, batch_size: int) -> Corpus:
        """From the arrays in an audit file, all in memory."""
        inner = arrays.embedding_gradients
        return cls(
            inputs=SelectionInputs(
                gradient_features(arrays.gradients),
                arrays.scores.pseudolabels,
                arrays.scores.base_losses,
                arrays.own_scores,
                gradient_features(inner) if inner else None,
            ),
            is_trained=arrays.roles.is_trained,
            is_held_out=arrays.roles.is_held_out,
            blind=arrays.blind,
            embeddings=_in_memory(arrays.embeddings),
            reference=_in_memory(arrays.reference),
            batch_size=batch_size,
        )

    @cached_property
    def yardstick(self) -> TransportToReference | None:
        """For transport to the reference set."""
        return None if self.reference is None else TransportToReference(self.reference)

    def inputs_of(self, pool: NDArray[np.int64]) -> SelectionInputs:
        """What is known about the documents of a pool, in its order."""
        known, inner = self.inputs, self._inner_products
        return SelectionInputs(
            PoolGradients(self._products, pool),
            known.pseudolabels[pool],
            known.base_losses[pool],
            {name: scores[pool] for name, scores in known.own_scores.items()},
            None if inner is None else PoolGradients(inner, pool),
        )

    @cached_property
    def _products(self) -> RememberedProducts:
        return RememberedProducts(self.inputs.features)

    @cached_property
    def _inner_products(self) -> RememberedProducts | None:
        inner = self.inputs.embedding_features
        return None if inner is None else RememberedProducts(inner)

    @property
    def selectors(self) -> tuple[str, ...]:
        """What can select here: every strategy for the task, and text alone if it was computed."""
        task = Task.SFT if (self.inputs.pseudolabels < 0).all() else Task.CLASSIFICATION
        known = [strategy for strategy in strategies_for(task) if self.inputs.allow(strategy)]
        return (*known, *([BLIND] if self.blind is not None else []))


@dataclass(frozen=True)
class Cell:
    """One point of the grid: the pool, the selection from it, in order, and its metrics.

    Documents are numbered as in the corpus. ``weights`` are those of the selected documents, 1 on
    average.
    """

    pool: NDArray[np.int64]
    documents: NDArray[np.int64]
    weights: NDArray[np.float64]
    figures: dict[Metric, Measurement]

    def having(self, metric: Metric, found: Measurement) -> Cell:
        """The same with one more figure."""
        return replace(self, figures={**self.figures, metric: found})


def draw_pool(is_trained: NDArray[np.bool_], leaked_share: float, seed: int) -> NDArray[np.int64]:
    """Document numbers: this share of the training documents, rounded, and all others, shuffled.

    Shares of one seed are nested. They are shuffled so that nothing depends on the corpus' order.
    """
    generator = np.random.default_rng([seed, 1])  # different from the random strategy's own draw
    trained = generator.permutation(np.flatnonzero(is_trained))
    leaked = trained[: round(leaked_share * len(trained))]
    return generator.permutation(np.concatenate([leaked, np.flatnonzero(~is_trained)]))


def titrate(corpus: Corpus, leaked_share: float, budget: int, selector: str, seed: int) -> Cell:
    """Draw the pool, let ``selector`` (a strategy or ``BLIND``) select, and measure.

    ValueError for a share outside 0 … 1, a budget that the pool cannot fill, or ``BLIND`` if the
    corpus has no blind scores.
    """
    cell = located_by(corpus, leaked_share, budget, selector, seed)
    distance = transport_of(corpus, cell)
    return cell if distance is None else cell.having(Metric.TRANSPORT, distance)


def transport_of(corpus: Corpus, cell: Cell) -> Measurement | None:
    """How far the selection is from the reference set; None without embeddings of both.

    With 1,000 reference documents this takes longer than most selections.
    """
    if corpus.embeddings is None or corpus.yardstick is None or not len(cell.documents):
        return None
    return corpus.yardstick.measure(corpus.embeddings.take(cell.documents.tolist()))


def located_by(corpus: Corpus, leaked_share: float, budget: int, selector: str, seed: int) -> Cell:
    """The cell without transport; errors as of ``titrate``."""
    if not 0 <= leaked_share <= 1:
        raise ValueError(f"{leaked_share} is not a share from 0 to 1")
    pool = draw_pool(corpus.is_trained, leaked_share, seed)
    if not 0 < budget <= len(pool):
        raise ValueError(f"a budget of {budget} does not fit a pool of {len(pool)}")
    choose = _by_text if selector == BLIND else _by_strategy
    selected = choose(corpus, pool, budget, selector, seed)
    chosen = pool[list(selected.documents)]
    found = figures(selected, corpus.is_trained[pool], corpus.is_held_out[pool])
    return Cell(pool, chosen, selected.weights, found)


def _by_strategy(
    corpus: Corpus, pool: NDArray[np.int64], budget: int, selector: str, seed: int
) -> Selected:
    strategy = Strategy(selector)
    inputs = corpus.inputs_of(pool)
    selection = make_selection(strategy, inputs, budget, corpus.batch_size, seed)
    scores = ranking_scores(strategy, inputs, selection, seed)
    documents = np.asarray(selection.documents, np.int64)
    is_drawn = has_nothing_to_rank_by(strategy, inputs)
    return Selected(
        documents, _weights(selection.weights, len(documents)), scores, scores, is_drawn
    )


def _by_text(
    corpus: Corpus, pool: NDArray[np.int64], budget: int, selector: str, seed: int
) -> Selected:
    """The documents that a classifier of words considers most likely trained on."""
    if corpus.blind is None:
        raise ValueError("this corpus has no blind scores")
    trained, held_out = corpus.blind[pool].T
    in_domain = trained + held_out
    member = np.divide(trained, in_domain, out=np.zeros_like(trained), where=in_domain > 0)
    documents = ranked(trained, seed)[:budget]
    weights = _weights(None, len(documents))
    return Selected(documents, weights, in_domain, member, all_equal(trained))


def _weights(weights: Sequence[float] | None, n: int) -> NDArray[np.float64]:
    return np.ones(n) if weights is None else np.asarray(weights)


def _in_memory(vectors: NDArray[np.float32] | None) -> Vectors | None:
    return None if vectors is None else VectorsInMemory(vectors)
