"""What moved rows show about the training documents, with NumPy and SciPy alone.

Which documents cannot be among them, how many there were, and how many held each token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln

from assay.core.specs.vocabulary import Estimate

_MOST_DOCUMENTS = 1e9
# The number of tokens with about the same movement that a count is estimated from.
LEAST_KNOWN = 60
_TAIL = 0.05


def tokens_read(
    token_ids: Sequence[int], specials: frozenset[int], is_last_read: bool
) -> NDArray[np.int64]:
    """The different tokens of a document whose rows training on it must have moved.

    A language model's last token is only predicted, never read before a prediction. Special tokens
    are left out: a trainer may add, drop or mask them.
    """
    read = token_ids if is_last_read else token_ids[:-1]
    return np.array(sorted(set(read) - specials), dtype=np.int64)


def unmoved_tokens(
    documents: Iterable[Sequence[int]],
    is_moved: NDArray[np.bool_],
    specials: frozenset[int],
    is_last_read: bool,
) -> list[NDArray[np.int64]]:
    """The unmoved tokens of each document.

    A document with any was not trained on, as tokenized and cut here, if unmoved rows prove
    absence.
    """
    read = (tokens_read(document, specials, is_last_read) for document in documents)
    return [tokens[~is_moved[tokens]] for tokens in read]


def document_frequencies(documents: Iterable[Sequence[int]], n_tokens: int) -> NDArray[np.int64]:
    """The number of documents that each token occurs in, (V)."""
    counts = np.zeros(n_tokens, np.int64)
    for document in documents:
        counts[np.array(sorted(set(document)), dtype=np.int64)] += 1
    return counts


def vocabulary_match(
    documents: Iterable[NDArray[np.integer]],
    norms: NDArray[np.float32],
    frequencies: NDArray[np.int64],
    n_documents: int,
) -> list[float]:
    """How much of what was taught each document holds: the mean over its different tokens of how
    far the row moved times log(``n_documents`` / frequency); 0 for a document without a token.

    norms (V): of rows that moved, else 0; frequencies (V): in how many of ``n_documents`` each
    token occurs. Needs no forward pass; it finds a domain rather than single documents.
    """
    rarity = np.log(n_documents / np.maximum(frequencies, 1))
    worth = norms * rarity
    return [float(worth[tokens].mean()) if len(tokens) else 0.0 for tokens in documents]


def estimated_documents(n_moved: int, frequencies: NDArray[np.int64], n_sample: int) -> Estimate:
    """How many documents like the sample's contain as many different tokens as moved.

    frequencies (V): how many of ``n_sample`` documents each token occurs in. Species accumulation:
    m documents contain S(m) = Σ_v 1 − C(n − c_v, m) / C(n, m) different tokens (rarefaction);
    beyond the sample, Chao's extrapolation (Chao et al. 2014, equation 9). low, high: two standard
    deviations of S, which is the only uncertainty if the training documents are like the sample;
    otherwise the estimate says nothing. 1e9 for more tokens than the sample's kind has, and for all
    of them, which any large number of documents contains. NaN for a sample of fewer than two.
    """
    counts = frequencies[frequencies > 0]
    if n_sample < 2 or not len(counts) or not n_moved:
        return Estimate(np.nan, np.nan, np.nan)

    def excess(log_m: float, wanted: float) -> float:
        return _n_different(float(np.exp(log_m)), counts, n_sample)[0] - wanted

    def solved(wanted: float) -> float:
        top = float(np.log(_MOST_DOCUMENTS))
        if excess(0.0, wanted) > 0:
            return 1.0
        return (
            _MOST_DOCUMENTS
            if excess(top, wanted) <= 0
            else float(np.exp(brentq(excess, 0.0, top, args=(wanted,))))
        )

    value = solved(n_moved)
    spread = 2 * _n_different(value, counts, n_sample)[1]
    return Estimate(value, solved(n_moved - spread), solved(n_moved + spread))


def _n_different(m: float, counts: NDArray[np.int64], n: int) -> tuple[float, float]:
    """Different tokens in m documents like the sample's n, and the standard deviation."""
    if m <= n:
        left = n - counts
        possible = left >= m
        out = np.zeros(len(counts))
        kept = left[possible]
        out[possible] = np.exp(
            gammaln(kept + 1) - gammaln(kept - m + 1) - gammaln(n + 1) + gammaln(n - m + 1)
        )
        return float((1 - out).sum()), float(np.sqrt((out * (1 - out)).sum()))
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    unseen = (n - 1) / n * (once**2 / (2 * twice) if twice else once * (once - 1) / 2)
    if not unseen:
        return float(len(counts)), 0.0
    found = unseen * -np.expm1((m - n) * np.log1p(-once / (n * unseen + once)))
    total = unseen + len(counts)
    return len(counts) + float(found), float(np.sqrt(len(counts) + found) * np.sqrt(unseen / total))


def document_counts(
    norms: NDArray[np.float32],
    known_norms: NDArray[np.float32],
    known_counts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How many training documents held each of m tokens: median, 5% and 95% (m × 3).

    Estimated from tokens whose counts are known or simulated: the counts of the 60 whose rows moved
    about as far. Under Adam a row's movement grows slowly with its count, so the intervals are
    wide. ValueError if fewer than 60 tokens are known.
    """
    if len(known_norms) < LEAST_KNOWN:
        raise ValueError(f"at least {LEAST_KNOWN} tokens of known count, not {len(known_norms)}")
    order = np.argsort(known_norms, kind="stable")
    counts = known_counts[order]
    middle = np.searchsorted(known_norms[order], norms)
    start = np.clip(middle - LEAST_KNOWN // 2, 0, len(counts) - LEAST_KNOWN)
    windows = np.lib.stride_tricks.sliding_window_view(counts, LEAST_KNOWN)
    return np.quantile(windows, [0.5, _TAIL, 1 - _TAIL], axis=1).T[start]


def counts_by_sample(
    norms: NDArray[np.float32],
    frequencies: NDArray[np.int64],
    n_sample: int,
    n_documents: float,
) -> NDArray[np.float64]:
    """``document_counts`` of every row that moved (V × 3; 0 if ``norms`` is 0), from a sample.

    The known tokens are those that ``n_sample`` documents hold in ``frequencies`` (V) of them,
    scaled to ``n_documents``. A token that moved is in at least one document. ValueError if the
    sample holds fewer than 60 of the moved tokens.
    """
    moved = norms > 0
    known = moved & (frequencies > 0)
    scaled = np.maximum(frequencies[known] * (n_documents / n_sample), 1.0)
    counts = np.zeros((len(norms), 3))
    counts[moved] = np.maximum(document_counts(norms[moved], norms[known], scaled), 1.0)
    return counts
