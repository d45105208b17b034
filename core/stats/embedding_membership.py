"""Which documents were likely trained on, by how input embeddings moved: scores and p-values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.stats.conformal import against_held_out

# An unmoved row, where rounding may hide a few, costs this much of the agreement a nat of evidence:
# held-out documents' agreements spread by about a tenth, of which a nat is half.
_AGREEMENT_A_NAT = 0.05
# p-values above this are of documents that were not trained on (Storey).
_SURELY_NULL = 0.5


@dataclass(frozen=True)
class TokenAgreements:
    """Of n documents, a document's different tokens one after another.

    starts (n + 1, int64): where each document's rows begin; tokens (r, int32); agreements (r × L,
    float32): of each token's movement with the document's gradient, at each label that comes into
    question.
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
        """From batches in any order: (indices, n_tokens, tokens, agreements) each. ValueError
        unless every document comes exactly once."""
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
    """Of n documents. scores (float64): higher is likelier trained on. agreements (float64): the
    weighted mean over a document's moved rows, in [−1, 1], at the label that agrees best. n_unmoved
    and n_moved (int64): its different tokens whose rows stood still, and moved. rests_on (float64):
    how many rows the mean rests on, in effect; where it is about 1, one rare token decides."""

    scores: NDArray[np.float64]
    agreements: NDArray[np.float64]
    n_unmoved: NDArray[np.int64]
    n_moved: NDArray[np.int64]
    rests_on: NDArray[np.float64]


def embedding_scores(
    rows: TokenAgreements,
    is_moved: NDArray[np.bool_],
    n_unmoved: NDArray[np.int64],
    frequencies: NDArray[np.int64],
    chance_missed: float = 0.0,
) -> EmbeddingScores:
    """Mean agreement of each document, a row counting 1 / (documents that hold its token).

    is_moved (V); n_unmoved (n): tokens that exclude the document (``unmoved_tokens``); frequencies
    (V): in how many candidate documents each token occurs: where many documents moved a row, one of
    them tells little. Each unmoved token takes 2 off, so that excluded documents rank below all
    others; where a share ``chance_missed`` of rows may have moved unseen, less.
    """
    moved = is_moved[rows.tokens]
    weights = moved / np.maximum(frequencies[rows.tokens], 1)
    total = _sums(weights, rows.starts)
    safe = np.maximum(total, 1e-12)
    means = np.stack(
        [_sums(weights * column, rows.starts) / safe for column in rows.agreements.T.astype("f8")]
    )
    agreements = means.max(axis=0)
    squares = np.maximum(_sums(weights**2, rows.starts), 1e-24)
    return EmbeddingScores(
        scores=agreements - _cost_of_unmoved(chance_missed) * n_unmoved,
        agreements=agreements,
        n_unmoved=n_unmoved,
        n_moved=_sums(moved.astype(np.float64), rows.starts).astype(np.int64),
        rests_on=total**2 / squares * (total > 0),
    )


def _cost_of_unmoved(chance_missed: float) -> float:
    if not chance_missed:
        return 2.0
    return float(np.clip(-np.log(chance_missed) * _AGREEMENT_A_NAT, 0, 2))


def _sums(values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums over each document's rows, (n); 0 for a document without any."""
    ends = np.concatenate([[0.0], np.cumsum(values)])
    return ends[starts[1:]] - ends[starts[:-1]]


@dataclass(frozen=True)
class EmbeddingTest:
    """p_values and q_values (n, float64; NaN for held-out documents); share_trained: of the others,
    estimated from below."""

    p_values: NDArray[np.float64]
    q_values: NDArray[np.float64]
    share_trained: float


def embedding_test(scores: NDArray[np.float64], is_held_out: NDArray[np.bool_]) -> EmbeddingTest:
    """Conformal p-values against held-out documents, q-values by Benjamini and Hochberg scaled by
    the estimated share that was not trained on (Storey 2002, λ = ½). ValueError if nothing was
    held out. Valid if an untrained document is drawn like the held-out ones."""
    found = against_held_out(scores, is_held_out)
    p_values = found.p_values[~is_held_out]
    if not len(p_values):
        return EmbeddingTest(found.p_values, found.q_values, 0.0)
    n_null = 1 + int((p_values > _SURELY_NULL).sum())
    share_null = min(1.0, n_null / (len(p_values) * (1 - _SURELY_NULL)))
    return EmbeddingTest(found.p_values, found.q_values * share_null, 1 - share_null)
