"""Embeddings of topic names, each computed once however often it is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.name_matching import Pair, cluster_by_cosine, match_names

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


class Names:
    """Decides which names are the same topic: those with a cosine of at least ``least_cosine``."""

    def __init__(self, embed: Embed, least_cosine: float) -> None:
        self._embed, self._least_cosine = embed, least_cosine
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def align(self, first: Mapping[str, str], second: Mapping[str, str]) -> list[Pair]:
        """Pairs of positions in two lists of names, each given by its normal form."""
        own, others = list(first.values()), list(second.values())

        def cosines(rows: Sequence[int], columns: Sequence[int]) -> NDArray[np.float32]:
            return self._of([own[at] for at in rows]) @ self._of([others[at] for at in columns]).T

        return match_names(list(first), list(second), cosines, self._least_cosine)

    def gather(self, names: Sequence[str]) -> list[list[int]]:
        """Groups of positions of names with the same meaning, the name with most weight first."""
        return cluster_by_cosine(self._of(names), self._least_cosine) if names else []

    def _of(self, names: Sequence[str]) -> NDArray[np.float32]:
        new = list(dict.fromkeys(name for name in names if name not in self._vectors))
        if new:
            self._vectors.update(zip(new, self._embed(new), strict=True))
        return np.stack([self._vectors[name] for name in names])
