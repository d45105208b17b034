"""Every strategy that turns gradients into an ordered selection (paper §4, algorithm 1; §5).

Written once against the Array API. A document whose gradient is zero never ranks: it points
nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from core.maths.features import Array, GradientFeatures


@dataclass(frozen=True)
class Selection:
    """Documents in the order they were chosen.

    ``objective`` is, after each of them, the mean over checkpoints of the cosine between the
    summed gradient and the target; ``gains`` are its increments. ``weights`` are how much each
    document counts in the sum, summing to the number of documents; None where all count 1.
    """

    documents: tuple[int, ...]
    objective: tuple[float, ...]
    weights: tuple[float, ...] | None = None

    @property
    def gains(self) -> tuple[float, ...]:
        return tuple(np.diff(np.asarray(self.objective), prepend=0.0).tolist())


class _RunningSum:
    """s, the summed gradient so far, known only through the inner products selection needs.

    Keeping ⟨s, g_i⟩ and adding one product a step gives exactly the choice that renormalising
    every candidate sum would, at a fraction of the cost.
    """

    def __init__(self, features: GradientFeatures) -> None:
        self._features = features
        self._xp = array_namespace(features.alignment)
        self._alignment = self._double(features.alignment)
        self._squared_norms = self._double(features.squared_norms)
        self._target_norms = self._double(features.target_norms)
        self.reset()

    def reset(self) -> None:
        """s = 0."""
        self._with_each = self._xp.zeros_like(self._alignment)
        self._along_target = self._xp.zeros_like(self._target_norms)
        self._squared = self._xp.zeros_like(self._target_norms)

    def cosines_after_adding(self) -> Array:
        """cos(s + g_i, target) for every document i, averaged over checkpoints, (n)."""
        xp = self._xp
        along = self._along_target[:, None] + self._alignment
        squared = self._squared[:, None] + 2 * self._with_each + self._squared_norms
        length = xp.sqrt(xp.clip(squared, 0.0)) * self._target_norms[:, None]
        nonzero = length > 0
        cosines = xp.where(nonzero, along / xp.where(nonzero, length, 1.0), 0.0)
        return xp.mean(cosines, axis=0)

    def add(self, document: int) -> None:
        """s ← s + g_document."""
        self._along_target = self._along_target + self._alignment[:, document]
        self._squared = (
            self._squared + 2 * self._with_each[:, document] + self._squared_norms[:, document]
        )
        products = self._features.inner_products_with(document)
        self._with_each = self._with_each + self._double(products)

    def _double(self, values: Array) -> Array:
        return self._xp.astype(values, self._xp.float64)


def select(features: GradientFeatures, budget: int, batch_size: int | None = None) -> Selection:
    """SELECT: greedily add the document that maximises cos(s + g_i, target).

    With ``batch_size``, SELECT (batch): s starts again from zero after each batch. Ends early
    only when no document with a non-zero gradient is left.
    """
    xp = array_namespace(features.alignment)
    running = _RunningSum(features)
    available = xp.any(features.squared_norms > 0, axis=0)
    chosen: list[int] = []
    n_available = int(xp.sum(xp.astype(available, xp.int64)))
    for _ in range(min(budget, n_available)):
        if batch_size and chosen and len(chosen) % batch_size == 0:
            running.reset()
        cosines = running.cosines_after_adding()
        document = int(xp.argmax(xp.where(available, cosines, -xp.inf)))
        running.add(document)
        available[document] = False
        chosen.append(document)
    return in_order(features, chosen)


def top_k(features: GradientFeatures, budget: int) -> Selection:
    """The documents whose own gradient has the largest cosine with the target."""
    return in_order(features, _nonzero_by_cosine(features)[:budget].tolist())


def top_k_balanced(features: GradientFeatures, pseudolabels: NDArray, budget: int) -> Selection:
    """Top-k with an equal share per pseudolabel; shorter than the budget when a class runs dry.

    The remainder of budget / classes goes to the first classes. Ordered by cosine.
    """
    ranked = _nonzero_by_cosine(features)
    classes = np.unique(pseudolabels)
    quota = dict.fromkeys(classes.tolist(), budget // len(classes))
    for label in classes[: budget % len(classes)].tolist():
        quota[label] += 1
    chosen = []
    for document in ranked.tolist():
        label = int(pseudolabels[document])
        if quota[label] > 0:
            quota[label] -= 1
            chosen.append(document)
    return in_order(features, chosen)


def by_loss(features: GradientFeatures, losses: NDArray, budget: int, lowest: bool) -> Selection:
    """P-min (``lowest``) or P-max: documents by perplexity under the base model.

    Perplexity is the exponential of the mean loss over the scored targets, so it ranks as the
    loss does; in classification the label is the only target that is scored.
    """
    order = np.argsort(losses if lowest else -losses, kind="stable")
    return in_order(features, order[:budget].tolist())


def random(features: GradientFeatures, budget: int, seed: int) -> Selection:
    """Documents drawn without replacement."""
    order = np.random.default_rng(seed).permutation(features.n_documents)
    return in_order(features, order[:budget].tolist())


def in_order(features: GradientFeatures, documents: Sequence[int]) -> Selection:
    """A selection made elsewhere, with the objective it reaches document by document."""
    if not documents:
        return Selection((), ())
    subset = features.subset(documents)
    running = _RunningSum(subset)
    objective = []
    for position in range(len(documents)):
        objective.append(float(running.cosines_after_adding()[position]))
        running.add(position)
    return Selection(tuple(int(document) for document in documents), tuple(objective))


def cosines(features: GradientFeatures) -> NDArray[np.float64]:
    """Each gradient's own cosine with the target, averaged over checkpoints, (n); a zero gradient
    has −2, below any."""
    xp = array_namespace(features.alignment)
    own = np.array(xp.asarray(_RunningSum(features).cosines_after_adding(), device="cpu"))
    has_gradient = np.asarray(xp.asarray(xp.any(features.squared_norms > 0, axis=0), device="cpu"))
    own[~has_gradient] = -2.0
    return own


def _nonzero_by_cosine(features: GradientFeatures) -> NDArray[np.int64]:
    own = cosines(features)
    order = np.argsort(-own, kind="stable")
    return order[own[order] > -2.0]
