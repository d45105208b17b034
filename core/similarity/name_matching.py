"""Which name of one list is which name of another: the same word, or the nearest in meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class Pair:
    """Positions of one topic in the two lists; ``cosine`` is None if the normal forms are equal."""

    first: int
    second: int
    cosine: float | None


def match_names(
    first_forms: Sequence[str],
    second_forms: Sequence[str],
    cosines: Callable[[Sequence[int], Sequence[int]], NDArray[np.float32]],
    least_cosine: float,
) -> list[Pair]:
    """Pairs of names, each name in at most one pair, in the order of the first list.

    Equal normal forms are paired first. The rest is paired so that the sum of cosines is as large
    as possible (SciPy's assignment), over pairs with at least ``least_cosine``: if two names are
    near a third, one stays unpaired. ``cosines`` gives those of some positions of the first list
    with some of the second, (n × m). ValueError if a list contains a form twice.
    """
    for forms in (first_forms, second_forms):
        if len(set(forms)) < len(forms):
            raise ValueError("a normal form is in a list twice")
    places = {form: at for at, form in enumerate(second_forms)}
    pairs = [Pair(at, places[f], None) for at, f in enumerate(first_forms) if f in places]
    paired = {pair.second for pair in pairs}
    rows = [at for at, form in enumerate(first_forms) if form not in places]
    columns = [at for at in range(len(second_forms)) if at not in paired]
    if rows and columns:
        pairs += _nearest(rows, columns, cosines(rows, columns), least_cosine)
    return sorted(pairs, key=lambda pair: pair.first)


def _nearest(
    rows: Sequence[int], columns: Sequence[int], cosines: NDArray[np.float32], least: float
) -> list[Pair]:
    is_near = cosines >= least
    # Few names are near any other; only those take part, because assignment is cubic in their
    # number.
    own, other = np.flatnonzero(is_near.any(axis=1)), np.flatnonzero(is_near.any(axis=0))
    near = np.ix_(own, other)
    chosen = linear_sum_assignment(np.where(is_near, cosines, 0.0)[near], maximize=True)
    return [
        Pair(rows[own[i]], columns[other[j]], float(cosines[own[i], other[j]]))
        for i, j in zip(*chosen, strict=True)
        if is_near[own[i], other[j]]
    ]


def cluster_by_cosine(vectors: NDArray[np.float32], least_cosine: float) -> list[list[int]]:
    """Groups of names, (n × d) unit vectors in the order of their weight.

    Each name joins the first group whose first name is at least this near, otherwise it starts a
    new one.
    """
    cosines = vectors @ vectors.T
    groups: dict[int, list[int]] = {}
    for at in range(len(vectors)):
        first = next((one for one in groups if cosines[at, one] >= least_cosine), at)
        groups.setdefault(first, []).append(at)
    return list(groups.values())
