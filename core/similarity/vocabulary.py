"""How similar two sets of documents are in their words and in their classes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def vocabulary(token_ids: Iterable[Iterable[int]]) -> set[int]:
    """The set of tokens that occur in documents given as token ids."""
    return {token for document in token_ids for token in document}


def vocabulary_containment(first: set[int], second: set[int]) -> float:
    """|A ∩ B| / min(|A|, |B|) between token sets, 0 to 1 (paper §5; ValueError if one is empty)."""
    if not first or not second:
        raise ValueError("containment needs two vocabularies that are not empty")
    return len(first & second) / min(len(first), len(second))


def class_shares(labels: NDArray[np.integer], n_classes: int) -> NDArray[np.float64]:
    """Each class's share of the labels, (C), summing to 1."""
    return np.bincount(labels, minlength=n_classes) / len(labels)


def total_variation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Half the summed absolute difference of two share vectors: 0 identical, 1 disjoint."""
    return float(np.abs(first - second).sum() / 2)
