"""Which documents were likely trained on, from how the input embeddings moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from assay.core.stats.conformal import against_held_out

# Where rounding may hide a few moved rows, an unmoved row lowers the agreement by this much per nat
# of evidence: held-out documents' agreements have a spread of about a tenth, and a nat is half of
# that.
_AGREEMENT_A_NAT = 0.05
# How much a nat of evidence from moved rows raises it: less, because a document's tokens depend on
# one another (measured on two data sets: 0.02 to 0.05 do equally well); and how much all may.
_AGREEMENT_A_MOVED_NAT = 0.03
_MOST_BY_MOVED = 1.0
# An unmoved token that is proof outweighs everything else: agreements of −1 and 1, and moved rows.
_PROOF = 2.0 + _MOST_BY_MOVED
# p-values above this belong to documents that were not trained on (Storey).
_SURELY_NULL = 0.5


@dataclass(frozen=True)
class TokenAgreements:
    """The tokens of n documents, one document's different tokens after another's.

    starts (n + 1, int64): where each document's rows begin; tokens (r, int32); agreements (r × L,
    float32): of each token's movement with the document's gradient, for each label considered.
    """

    starts: NDArray[np.int64]
    tokens: NDArray[np.int32]
    agreements: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @staticmethod
    def in_order(
        n_documents: int,
        parts: Iterable[
            tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]
        ],
    ) -> TokenAgreements:
        """From batches in any order, each (indices, n_tokens, tokens, agreements).

        ValueError unless every document comes exactly once.
        """
        collected = list(parts)
        indices, n_tokens = (
            np.concatenate([part[place] for part in collected]) for place in (0, 1)
        )
        if not np.array_equal(np.sort(indices), np.arange(n_documents)):
            raise ValueError(f"each of {n_documents} documents once, not {len(indices)} indices")
        of_row = np.repeat(indices, n_tokens)
        order = np.argsort(of_row, kind="stable")
        lengths = np.zeros(n_documents, np.int64)
        lengths[indices] = n_tokens
        return TokenAgreements(
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate([part[2] for part in collected])[order],
            np.concatenate([part[3] for part in collected])[order],
        )


@dataclass(frozen=True)
class EmbeddingScores:
    """Scores of n documents.

    scores (float64): higher means more likely trained on. agreements (float64): the weighted mean
    over a document's moved rows, in [−1, 1], for the label that agrees best. n_unmoved and n_moved
    (int64): its different tokens whose rows did not move, and those that did. rests_on (float64):
    the effective number of rows behind the mean; if it is about 1, one rare token decides.
    """

    scores: NDArray[np.float64]
    agreements: NDArray[np.float64]
    n_unmoved: NDArray[np.int64]
    n_moved: NDArray[np.int64]
    rests_on: NDArray[np.float64]

    @staticmethod
    def together(parts: Sequence[EmbeddingScores]) -> EmbeddingScores:
        """Those of several sets of documents, one after the other."""
        names = [one.name for one in fields(EmbeddingScores)]
        return EmbeddingScores(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        )


def embedding_scores(
    rows: TokenAgreements,
    is_moved: NDArray[np.bool_],
    n_unmoved: NDArray[np.int64],
    frequencies: NDArray[np.int64],
    chance_missed: float = 0.0,
    most_a_row: float = 1.0,
) -> EmbeddingScores:
    """Each document's mean agreement, weighted by 1 / (documents that hold a row's token), and
    which of its rows moved.

    is_moved (V); n_unmoved (n): tokens that exclude the document (``unmoved_tokens``); frequencies
    (V): how many seed documents each token occurs in. If many documents moved a row, the row says
    little about any one of them. No row counts for more than ``most_a_row``, nor for less than its
    negative.

    The score adds which rows moved (``nats_of_moved``). Each unmoved token lowers it so far that
    excluded documents rank below all others; by less if a share ``chance_missed`` of moved rows may
    look unmoved.
    """
    moved = is_moved[rows.tokens]
    weights = moved / np.maximum(frequencies[rows.tokens], 1)
    total = _sums(weights, rows.starts)
    safe = np.maximum(total, 1e-12)
    limited = np.clip(rows.agreements.T.astype("f8"), -most_a_row, most_a_row)
    means = np.stack([_sums(weights * column, rows.starts) / safe for column in limited])
    agreements = means.max(axis=0)
    squares = np.maximum(_sums(weights**2, rows.starts), 1e-24)
    nats = _sums(moved * nats_of_moved(is_moved, frequencies)[rows.tokens], rows.starts)
    by_moved = np.minimum(_AGREEMENT_A_MOVED_NAT * nats, _MOST_BY_MOVED)
    return EmbeddingScores(
        scores=agreements + by_moved - _cost_of_unmoved(chance_missed) * n_unmoved,
        agreements=agreements,
        n_unmoved=n_unmoved,
        n_moved=_sums(moved.astype(np.float64), rows.starts).astype(np.int64),
        rests_on=total**2 / squares * (total > 0),
    )


def nats_of_moved(
    is_moved: NDArray[np.bool_], frequencies: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How surprising it is that each token's row moved, (V, nats); 0 for a row that did not.

    A training document has moved all its rows. Another one's rows moved as often as rows of tokens
    do that occur in as many seed documents. That share is counted, so it needs neither the number
    of training documents nor how many of them are in the corpus; it rises with the number of
    documents. It includes what the training documents in the corpus moved, which makes the surprise
    smaller than it is. 0 where all rows moved.
    """
    counts, places = np.unique(np.maximum(frequencies, 1), return_inverse=True)
    seen = (frequencies > 0).astype(np.float64)
    n_tokens = np.bincount(places, seen)
    n_moved = np.bincount(places, seen * is_moved)
    known = n_tokens > 0
    if not known.any():
        return np.zeros(len(is_moved))
    shares = isotonic_regression(n_moved[known] / n_tokens[known], weights=n_tokens[known]).x
    own = np.interp(counts, counts[known], shares)[places]
    return -np.log(np.where(is_moved & (own > 0), np.minimum(own, 1), 1))


def _cost_of_unmoved(chance_missed: float) -> float:
    if not chance_missed:
        return _PROOF
    return float(np.clip(-np.log(chance_missed) * _AGREEMENT_A_NAT, 0, _PROOF))


def _sums(values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums over each document's rows, (n); 0 for a document without any."""
    ends = np.concatenate([[0.0], np.cumsum(values)])
    return ends[starts[1:]] - ends[starts[:-1]]


@dataclass(frozen=True)
class EmbeddingTest:
    """p_values and q_values (n, float64; NaN for held-out documents), and share_trained.

    share_trained: a lower estimate, for documents that are not held out.
    """

    p_values: NDArray[np.float64]
    q_values: NDArray[np.float64]
    share_trained: float


def embedding_test(scores: NDArray[np.float64], is_held_out: NDArray[np.bool_]) -> EmbeddingTest:
    """Conformal p-values against held-out documents, and q-values.

    The q-values are Benjamini and Hochberg's, scaled by the estimated share that was not trained on
    (Storey 2002, λ = ½). ValueError if nothing was held out. Valid if untrained documents come from
    the same distribution as the held-out ones.
    """
    found = against_held_out(scores, is_held_out)
    p_values = found.p_values[~is_held_out]
    if not len(p_values):
        return EmbeddingTest(found.p_values, found.q_values, 0.0)
    n_null = 1 + int((p_values > _SURELY_NULL).sum())
    share_null = min(1.0, n_null / (len(p_values) * (1 - _SURELY_NULL)))
    return EmbeddingTest(found.p_values, found.q_values * share_null, 1 - share_null)
