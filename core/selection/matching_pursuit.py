"""SELECT+: orthogonal matching pursuit with non-negative weights (ARCHITECTURE §2; ours).

In the spirit of GradMatch's solver (Killamsetty et al., 2021): SELECT adds gradients with weight 1;
SELECT+ refits the weights of all chosen documents after each choice, so the weighted sum comes
closer to the target with the same number of documents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dger

from assay.core.gradients.features import GradientFeatures, LikelyProducts, Scratch, on_host
from assay.core.selection.greedy import FirstOfBest, Selection

# Added to the Gram matrix's diagonal, relative to it, so that near duplicates can be solved.
_RIDGE = 1e-6
_TOLERANCE = 1e-10
_MAX_SOLVES = 20
_MAX_CORRECTIONS = 3
# Documents whose products with the weighted sum are found together.
_COLUMNS = 16_384


def select_plus(features: GradientFeatures, budget: int, seed: int = 0) -> Selection:
    """Add the document whose gradient best fits the residual of the target, refit, repeat.

    With several checkpoints the inner products are summed, and each checkpoint's target has weight
    1; ``objective`` is then the cosine of the concatenated gradients, not the mean of cosines. A
    document whose weight moved to a later one keeps its place with weight 0. Ends early if no
    document points towards the residual.
    """
    scale = 1 / on_host(features.target_norms).astype(np.float64) ** 2
    alignment = scale @ on_host(features.alignment).astype(np.float64)
    lengths = np.sqrt(scale @ on_host(features.squared_norms).astype(np.float64))
    lengths[lengths == 0] = np.inf  # so that it never fits
    n_most = min(budget, len(alignment))
    # Single precision chooses the next document; the weights are fitted in double precision.
    with_chosen = features.scratch(n_most, len(alignment))
    likely, fitted = LikelyProducts(features), NonNegativeFit(n_most)
    first_of_best = FirstOfBest(alignment, seed)
    chosen: list[int] = []
    objective: list[float] = []
    while len(chosen) < n_most:
        fit = (alignment - _sums(fitted.weights, with_chosen, len(alignment))) / lengths
        document = first_of_best.of(fit)
        if fit[document] <= 0:
            break
        products = scale @ on_host(likely.of(document, fit))
        with_chosen.put(products.astype(np.float32))
        chosen.append(document)
        lengths[document] = np.inf
        fitted.add(products[chosen], alignment[document])
        length = fitted.length * len(scale) ** 0.5
        objective.append(float(alignment[chosen] @ fitted.weights / length) if length else 0.0)
    total = fitted.weights.sum()
    shares = fitted.weights * (len(chosen) / total) if total > 0 else np.ones(len(chosen))
    return Selection(tuple(chosen), tuple(objective), tuple(shares.tolist()))


def weights_by_rank(features: GradientFeatures, documents: Sequence[int]) -> NDArray[np.float64]:
    """The weights that SELECT+ gave its first r + 1 documents when it had no more, in row r, (m ×
    m); ``documents``: its choices in order."""
    chosen = list(documents)
    scale = 1 / on_host(features.target_norms).astype(np.float64) ** 2
    alignment = scale @ on_host(features.alignment).astype(np.float64)
    own = features.subset(chosen)
    products = on_host(own.inner_products_with(range(len(chosen)))).astype(np.float64)
    gram = np.tensordot(scale, products, axes=1)
    fitted, rows = NonNegativeFit(len(chosen)), np.zeros(gram.shape)
    for rank, document in enumerate(chosen):
        fitted.add(gram[rank, : rank + 1], alignment[document])
        rows[rank, : rank + 1] = fitted.weights
    return rows


def _sums(
    weights: NDArray[np.float64], with_chosen: Scratch, n_documents: int
) -> NDArray[np.float32]:
    """The products of the weighted sum with every document, (n)."""
    single, sums = weights.astype(np.float32), np.empty(n_documents, np.float32)
    for first in range(0, n_documents, _COLUMNS):
        part = slice(first, min(first + _COLUMNS, n_documents))
        sums[part] = single @ with_chosen.columns(part)
    return sums


class NonNegativeFit:
    """argmin over w ≥ 0 of wᵀ gram w / 2 − wᵀ target, refitted as each document is added.

    Active sets (Lawson and Hanson, 1974), starting from the previous fit. It keeps an orthonormal
    basis of the active documents' gradients, each vector as weights of these: so a document enters
    or leaves in k² operations, where solving from scratch takes k³. A document that is, up to
    rounding, a sum of the active ones has weight 0 until one of them leaves.
    """

    def __init__(self, n_most: int) -> None:
        self.weights = np.zeros(0)
        self._all_products, self._all_basis = np.zeros((2, n_most, n_most))
        self._ridge, self._target, self._free = np.zeros((3, 0))
        self._is_active = np.zeros(0, bool)

    @property
    def length(self) -> float:
        """The length of the weighted sum."""
        return max(float(self.weights @ self._gram @ self.weights), 0.0) ** 0.5

    def add(self, products: NDArray[np.float64], target: float) -> None:
        """Add one document, given its inner products with those before it and with itself."""
        last = len(self.weights)
        self.weights, self._free = np.append(self.weights, 0.0), np.append(self._free, 0.0)
        self._is_active = np.append(self._is_active, False)
        self._ridge = np.append(self._ridge, _RIDGE * products[last])
        self._target = np.append(self._target, target)
        self._gram[last] = self._gram[:, last] = products
        if not self._enter(last):
            return
        # After this many solves, only rounding moves documents in and out.
        for _ in range(_MAX_SOLVES + len(self.weights)):
            pull = self._correct()
            falling = self._is_active & (self._free <= 0)
            if falling.any():
                self._go_towards_free(falling)
                continue
            self.weights = self._free.copy()
            wanted = np.flatnonzero(~self._is_active & (pull > self._enough))
            if not any(self._enter(document) for document in wanted[np.argsort(-pull[wanted])]):
                return

    @property
    def _gram(self) -> NDArray[np.float64]:
        return self._all_products[: len(self.weights), : len(self.weights)]

    @property
    def _basis(self) -> NDArray[np.float64]:
        return self._all_basis[: np.count_nonzero(self._is_active), : len(self.weights)]

    @property
    def _enough(self) -> float:
        return _TOLERANCE * float(np.abs(self._target).max())

    def _pull(self) -> NDArray[np.float64]:
        """How much slightly more weight of each document would improve the fit."""
        return self._target - self._gram @ self._free - self._ridge * self._free

    def _correct(self) -> NDArray[np.float64]:
        """Remove accumulated rounding from free weights and, if needed, basis; return the pull.

        The free weights are the active documents' best fit without the sign constraint, so the
        active documents have no pull.
        """
        pull = self._pull()
        for n_tries in range(_MAX_CORRECTIONS):
            if np.abs(pull[self._is_active]).max(initial=0.0) <= self._enough:
                break
            if n_tries:
                self._renew_basis()
            self._free += (self._basis @ pull) @ self._basis
            pull = self._pull()
        return pull

    def _go_towards_free(self, falling: NDArray[np.bool_]) -> None:
        """Move until a weight would become negative; documents whose weight reaches 0 leave."""
        before = self.weights
        step = (before[falling] / (before[falling] - self._free[falling])).min()
        self.weights = before + step * (self._free - before)
        reached = falling & (self.weights <= self.weights.max() * _TOLERANCE)
        for document in np.flatnonzero(reached).tolist():
            self._leave(document)
            self.weights[document] = 0.0

    def _enter(self, document: int) -> bool:
        """Whether the document enters.

        It does not if the part of its gradient outside the active ones is, compared with the ridge,
        only rounding; the active ones then fit it completely.
        """
        products = self._gram[:, document]
        along = self._basis @ products
        vector = -along @ self._basis
        vector[document] = 1.0
        squared_length = products[document] + self._ridge[document] - along @ along
        if squared_length <= 2 * (vector**2 @ self._ridge):
            return False
        vector /= squared_length**0.5
        self._is_active[document] = True
        self._basis[-1] = vector
        self._free += (vector @ self._target) * vector
        return True

    def _leave(self, document: int) -> None:
        """Reflect the basis so that only its last vector contains the document; drop that
        vector.
        """
        holding = np.flatnonzero(self._basis[:, document])[0]
        vectors = self._all_basis[holding : np.count_nonzero(self._is_active)]
        mirror = vectors[:, document].copy()
        mirror[-1] += np.copysign(np.linalg.norm(mirror), mirror[-1])
        # In place: NumPy's own outer product takes ten times as long.
        dger(-2 / (mirror @ mirror), mirror @ vectors, mirror, a=vectors.T, overwrite_a=True)
        last = self._basis[-1]
        self._free -= (last @ self._target) * last
        self._free[document] = self._basis[:, document] = 0.0
        last[:] = 0.0
        self._is_active[document] = False

    def _renew_basis(self) -> None:
        active = np.flatnonzero(self._is_active)
        regular = self._gram[np.ix_(active, active)] + np.diag(self._ridge[active])
        self._basis[:, active] = np.linalg.inv(np.linalg.cholesky(regular))
