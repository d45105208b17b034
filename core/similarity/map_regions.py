"""Regions of a map, each named by words that are frequent there and rare elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.words import words

# Names stay legible on a small map.
_MIN_REGIONS, _MAX_REGIONS = 4, 14
_N_WORDS = 3
# Reading more documents takes seconds and changes no name.
_MAX_READ = 10_000
# Documents of a region that must contain a word before it names the region.
_MIN_DOCUMENTS, _MIN_SHARE = 3, 0.05
# Added to shares, so that a word that is missing elsewhere has a finite ratio.
_FLOOR = 0.005
# A word must be this many times as frequent in its region as elsewhere.
_MIN_RATIO = 1.5
# And so much more frequent than in random documents: few of thousands of words are by chance.
_MIN_DEVIATIONS = 4
_MIN_LETTERS = 3
_MAX_LETTERS = 24


@dataclass(frozen=True)
class Region:
    """A part of the map: a place in its middle, its number of documents, its words, best first."""

    x: float
    y: float
    n_documents: int
    words: tuple[str, ...]


def read_for_names(n_documents: int) -> NDArray[np.int64]:
    """Numbers of the documents whose texts name the regions: all, or that many drawn at random."""
    if n_documents <= _MAX_READ:
        return np.arange(n_documents)
    return np.sort(np.random.default_rng(0).permutation(n_documents)[:_MAX_READ])


def named_regions(places: NDArray[np.float32], texts: Sequence[str]) -> list[Region]:
    """Regions of the documents at ``places`` (n × 2), found by k-means.

    A word's weight in a region is the share of the region's documents that contain it, times the
    logarithm of how many times its share elsewhere that is: a class-based tf-idf (Grootendorst,
    2022) that counts documents, so that one long document names nothing. A region in which no word
    stands out has no name and is left out.
    """
    if not len(places):
        return []
    n_regions = min(len(places), _n_regions(len(places)))
    region = _k_means(places.astype(np.float64), n_regions)
    contained = [Counter[str]() for _ in range(n_regions)]
    for number, text in zip(region.tolist(), texts, strict=True):
        contained[number].update({word for word in words(text) if _can_name(word)})
    total: Counter[str] = Counter()
    for one in contained:
        total.update(one)
    sizes = np.bincount(region, minlength=n_regions)
    found = []
    for number, own in enumerate(contained):
        names = _distinctive(own, total, int(sizes[number]), len(places))
        if names:
            x, y = _middle(places[region == number])
            found.append(Region(x, y, int(sizes[number]), names))
    return found


def _n_regions(n_documents: int) -> int:
    return int(np.clip(round(n_documents**0.5 / 4), _MIN_REGIONS, _MAX_REGIONS))


def _can_name(word: str) -> bool:
    """Whether a word says something: letters in scripts without spaces do, digits do not."""
    is_long = _MIN_LETTERS <= len(word) <= _MAX_LETTERS or not word.isascii()
    return is_long and word.isalpha()


def _distinctive(own: Counter[str], total: Counter[str], n_own: int, n_all: int) -> tuple[str, ...]:
    least = max(_MIN_DOCUMENTS, _MIN_SHARE * n_own)
    weights = {}
    for word, n in own.items():
        here, elsewhere = n / n_own, (total[word] - n) / max(1, n_all - n_own)
        overall = total[word] / n_all
        by_chance = _MIN_DEVIATIONS * (overall * (1 - overall) / n_own) ** 0.5
        if n >= least and here >= _MIN_RATIO * elsewhere and here - overall > by_chance:
            weights[word] = here * np.log((here + _FLOOR) / (elsewhere + _FLOOR))
    return tuple(sorted(weights, key=lambda word: (-weights[word], word))[:_N_WORDS])


def _middle(places: NDArray[np.float32]) -> tuple[float, float]:
    """The document nearest to the centre: a centre may lie where no document is."""
    centre = places.mean(axis=0)
    x, y = places[((places - centre) ** 2).sum(axis=1).argmin()]
    return float(x), float(y)


def _k_means(places: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """The number of each place's region, (n,); the same places give the same regions."""
    from sklearn.cluster import KMeans  # takes a second to import

    k = min(k, len(np.unique(places, axis=0)))
    found: NDArray[np.int64] = KMeans(k, n_init=1, random_state=0).fit_predict(places)
    return found.astype(np.int64)
