"""Every strategy that turns gradients into an ordered selection (paper §4, algorithm 1; §5).

Written once against the Array API. A document with a zero gradient is never ranked: it has no
direction. The seed decides between equal scores, never the order in the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from assay.core.gradients.features import Array, GradientFeatures, LikelyProducts, on_host
from assay.core.stats.ranking import drawn_order, ranked

# The number of documents whose products with all others are in memory at once.
_BLOCK = 256
_N_SHOWN = 5
# Single precision's rounding: cosines that differ by less are equal.
_ROUNDING = 2.0**-24
# The cosine of a zero gradient; below all others.
ZERO_GRADIENT = -2.0


@dataclass(frozen=True)
class Selection:
    """Documents in the order in which they were chosen.

    ``objective`` is, after each of them, the mean over checkpoints of the cosine between the summed
    gradient and the target; ``gains`` are its increments. ``weights`` are the documents' weights in
    the sum, which add up to the number of documents; None if all are 1.
    """

    documents: tuple[int, ...]
    objective: tuple[float, ...]
    weights: tuple[float, ...] | None = None

    @property
    def gains(self) -> tuple[float, ...]:
        return tuple(np.diff(np.asarray(self.objective), prepend=0.0).tolist())

    def __repr__(self) -> str:
        first = ", ".join(map(str, self.documents[:_N_SHOWN]))
        more = ", …" if len(self.documents) > _N_SHOWN else ""
        reached = f"; cosine {self.objective[-1]:.4f}" if self.objective else ""
        return f"Selection({len(self.documents):,} documents: {first}{more}{reached})"


class _RunningSum:
    """s, the summed gradient so far, known only through the inner products that selection needs.

    Keeping ⟨s, g_i⟩ and adding one product per step makes exactly the same choices as computing the
    cosine of every candidate sum, at a fraction of the cost.
    """

    def __init__(self, features: GradientFeatures) -> None:
        self._xp = array_namespace(features.alignment)
        self._alignment = _double(features.alignment)
        self._squared_norms = _double(features.squared_norms)
        self._target_norms = _double(features.target_norms)
        self.reset()

    def reset(self) -> None:
        """s = 0."""
        self._growth = self._squared_norms  # of ‖s‖² by adding each: 2⟨s, g_i⟩ + ‖g_i‖²
        self._along_target = self._xp.zeros_like(self._target_norms)
        self._squared = self._xp.zeros_like(self._target_norms)

    def cosines_after_adding(self) -> Array:
        """cos(s + g_i, target) for every document i, averaged over checkpoints, (n)."""
        along = self._along_target[:, None] + self._alignment
        squared = self._squared[:, None] + self._growth
        return _mean_cosines(along, squared, self._target_norms)

    def add(self, document: int, products: Array) -> None:
        """s ← s + g_document, given its inner products with every g_i."""
        self._along_target = self._along_target + self._alignment[:, document]
        self._squared = self._squared + self._growth[:, document]
        self._growth = self._growth + 2 * _double(products)


class FirstOfBest:
    """The document with the highest value; the seed decides between equal ones."""

    def __init__(self, like: Array, seed: int) -> None:
        xp = array_namespace(like)
        order = drawn_order(like.shape[-1], seed)
        self._xp, self._priority = xp, xp.asarray(order, device=device(like))

    def of(self, values: Array) -> int:
        """``values`` (n), at least one of them finite: cosines, or numbers of that size."""
        xp = self._xp
        is_best = values >= xp.max(values) - _ROUNDING
        return int(xp.argmax(xp.where(is_best, self._priority, -1)))


def select(
    features: GradientFeatures, budget: int, batch_size: int | None = None, seed: int = 0
) -> Selection:
    """SELECT: greedily add the document that maximises cos(s + g_i, target).

    With ``batch_size``, SELECT (batch): s starts again from zero after each batch. Ends early only
    if no document with a non-zero gradient is left.
    """
    xp = array_namespace(features.alignment)
    running, products = _RunningSum(features), LikelyProducts(features)
    first_of_best = FirstOfBest(features.alignment, seed)
    available = xp.any(features.squared_norms > 0, axis=0)
    chosen: list[int] = []
    n_available = int(xp.sum(xp.astype(available, xp.int64)))
    for _ in range(min(budget, n_available)):
        if batch_size and chosen and len(chosen) % batch_size == 0:
            running.reset()
        cosines = xp.where(available, running.cosines_after_adding(), -xp.inf)
        document = first_of_best.of(cosines)
        running.add(document, products.of(document, cosines))
        available[document] = False
        chosen.append(document)
    return in_order(features, chosen)


def top_k(features: GradientFeatures, budget: int, seed: int = 0) -> Selection:
    """The documents whose own gradient has the largest cosine with the target."""
    return in_order(features, _nonzero_by_cosine(features, seed)[:budget].tolist())


def top_k_balanced(
    features: GradientFeatures, pseudolabels: NDArray, budget: int, seed: int = 0
) -> Selection:
    """Top-k with equal shares per pseudolabel; shorter if a class has too few documents.

    The remainder of budget / classes goes to the first classes. Ordered by cosine.
    """
    by_cosine = _nonzero_by_cosine(features, seed)
    classes = np.unique(pseudolabels)
    quota = dict.fromkeys(classes.tolist(), budget // len(classes))
    for label in classes[: budget % len(classes)].tolist():
        quota[label] += 1
    chosen = []
    for document in by_cosine.tolist():
        label = int(pseudolabels[document])
        if quota[label] > 0:
            quota[label] -= 1
            chosen.append(document)
    return in_order(features, chosen)


def by_loss(
    features: GradientFeatures, losses: NDArray, budget: int, lowest: bool, seed: int = 0
) -> Selection:
    """P-min (``lowest``) or P-max: documents by perplexity under the base model.

    Perplexity is the exponential of the mean loss over the scored targets, so it ranks like the
    loss; in classification the label is the only target that is scored.
    """
    return by_score(features, -losses if lowest else losses, budget, seed)


def by_score(features: GradientFeatures, scores: NDArray, budget: int, seed: int = 0) -> Selection:
    """The documents with the highest scores."""
    return in_order(features, ranked(scores, seed)[:budget].tolist())


def random(features: GradientFeatures, budget: int, seed: int) -> Selection:
    """Documents drawn without replacement."""
    return in_order(features, drawn(features.n_documents, budget, seed))


def drawn(n_documents: int, budget: int, seed: int) -> list[int]:
    """The documents of ``random``, without the objective they reach."""
    return np.random.default_rng(seed).permutation(n_documents)[:budget].tolist()


def in_order(features: GradientFeatures, documents: Sequence[int]) -> Selection:
    """A selection made elsewhere, with the objective that it reaches document by document."""
    if not documents:
        return Selection((), ())
    subset = features.subset(documents)
    xp = array_namespace(subset.alignment)
    grown = _double(subset.squared_norms) + 2 * _with_earlier(subset)
    objective = _mean_cosines(
        xp.cumulative_sum(_double(subset.alignment), axis=1),
        xp.cumulative_sum(grown, axis=1),
        _double(subset.target_norms),
    )
    return Selection(
        tuple(int(document) for document in documents), tuple(on_host(objective).tolist())
    )


def cosines(features: GradientFeatures) -> NDArray[np.float64]:
    """Each gradient's own cosine with the target, averaged over checkpoints, (n).

    That of a zero gradient is ``ZERO_GRADIENT``.
    """
    xp = array_namespace(features.alignment)
    alignment, squared_norms = _double(features.alignment), _double(features.squared_norms)
    own = _mean_cosines(alignment, squared_norms, _double(features.target_norms))
    return on_host(xp.where(xp.any(squared_norms > 0, axis=0), own, ZERO_GRADIENT))


def _nonzero_by_cosine(features: GradientFeatures, seed: int) -> NDArray[np.int64]:
    own = cosines(features)
    nonzero = np.flatnonzero(own > ZERO_GRADIENT)
    return nonzero[ranked(own[nonzero], seed)]


def _with_earlier(features: GradientFeatures) -> Array:
    """⟨g_1 + … + g_(j−1), g_j⟩ for every document j, (J × n)."""
    xp = array_namespace(features.alignment)
    n = features.n_documents
    blocks = []
    for first in range(0, n, _BLOCK):
        products = features.inner_products_with(range(first, min(first + _BLOCK, n)))
        earlier = xp.triu(products, k=1 - first)
        blocks.append(xp.sum(earlier, axis=1, dtype=xp.float64))
    return xp.concat(blocks, axis=1)


def _mean_cosines(along: Array, squared: Array, target_norms: Array) -> Array:
    """Mean cosines over checkpoints, from products with the target and squared lengths, (J × n).

    That of a zero vector counts as 0.
    """
    xp = array_namespace(along)
    length = xp.sqrt(xp.maximum(squared, xp.zeros_like(squared[:, :1]))) * target_norms[:, None]
    # SELECT asks this of every document at every step, and `where` takes as long as all the rest.
    nonzero = length > 0
    if xp.all(nonzero):
        cosines = along / length
    else:
        cosines = xp.where(nonzero, along / xp.where(nonzero, length, 1.0), 0.0)
    return cosines[0] if len(target_norms) == 1 else xp.mean(cosines, axis=0)


def _double(values: Array) -> Array:
    xp = array_namespace(values)
    return xp.astype(values, xp.float64)
