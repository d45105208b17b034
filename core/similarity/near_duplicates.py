"""Near duplicates between two sets of texts: MinHash finds candidates, shingles decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from assay.core.similarity.words import runs, words_and_marks

if TYPE_CHECKING:
    from datasketch import MinHash

# Documents with at least this index are near duplicates, the usual threshold of deduplication (Lee
# et al., "Deduplicating Training Data Makes Language Models Better", ACL 2022).
MIN_JACCARD = 0.8
N_WORDS = 3
_N_PERMUTATIONS = 128
# 32 bands of 4 rows: a pair at the threshold is missed once in 20 million.
_BANDS = (32, 4)
_TEXTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class NearDuplicate:
    """Positions in the two sets, and the share of shingles that the two texts have in common."""

    first: int
    second: int
    jaccard: float


def shingles(text: str) -> frozenset[str]:
    """Runs of three words, lowercase, punctuation kept; a shorter text is one run.

    In scripts without spaces, letters are used instead of words (``core.similarity.words``).
    """
    units = words_and_marks(text)
    found = frozenset(" ".join(units[start:end]) for start, end in runs(units, N_WORDS))
    return found or frozenset({" ".join(units)})


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """|A ∩ B| / |A ∪ B|, 0 to 1."""
    return len(first & second) / len(first | second)


def near_duplicates(
    first: Iterable[str],
    second: Sequence[str],
    advance: Callable[[int], None] = lambda n: None,
) -> Iterator[NearDuplicate]:
    """Every pair with a Jaccard index of at least 0.8 between runs of three words.

    Candidates come from datasketch's locality-sensitive hashing (128 permutations, 32 bands). The
    index of each is then computed exactly, so no pair is due to a hash collision. Memory grows with
    ``second`` alone. ``advance`` is called with the number of texts hashed.
    """
    from datasketch import MinHashLSH

    known = [shingles(text) for text in second]
    index = MinHashLSH(num_perm=_N_PERMUTATIONS, params=_BANDS)
    for position, sketch in enumerate(_sketches(known)):
        index.insert(position, sketch, check_duplication=False)
        advance(1)
    position = 0
    remaining = map(shingles, first)
    while asked := list(islice(remaining, _TEXTS_AT_ONCE)):
        for own, sketch in zip(asked, _sketches(asked), strict=True):
            for candidate in sorted(index.query(sketch)):
                alike = jaccard(own, known[candidate])
                if alike >= MIN_JACCARD:
                    yield NearDuplicate(position, candidate, alike)
            position += 1
            advance(1)


def _sketches(sets: Sequence[frozenset[str]]) -> Iterator[MinHash]:
    from datasketch import MinHash

    encoded = ([shingle.encode() for shingle in own] for own in sets)
    return MinHash.generator(encoded, num_perm=_N_PERMUTATIONS)
