"""Whether rows of the embedding table moved along a document's own gradient.

If few documents contain a token, its row moved along those documents' gradients. It is unknown when
each was seen, and so where the model was then. Its gradients at several checkpoints between base
and final span the possible directions; the agreement is how much of the row's movement a
combination of them with weights of one sign explains.

What all gradients share says nothing about one document: a few directions, mostly of the classes,
make up a third of their length. So both sides are whitened by the second moment of the movements.
In a tied table, the softmax moves every row at every step. Where a row started says most about
that, so it is predicted from there and removed first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

# Added to the eigenvalues of the second moment, in units of their mean.
_RIDGE = 0.1
# The same for the second moment of the rows' starts.
_DRIFT_RIDGE = 0.01
_TINY = 1e-30
# More checkpoints would need too many combinations.
MAX_CHECKPOINTS = 6


def whitening(movements: Tensor) -> Tensor:
    """(Σ + ridge)^−½ of the moved rows' directions, (d × d) float32, for rows (m × d).

    Directions in which many rows move shrink; the others keep their length.
    """
    directions = unit(movements.float())
    moment = (directions.T @ directions).double()
    values, vectors = torch.linalg.eigh(moment)
    values = values.clamp_min(0) / values.mean().clamp_min(_TINY) + _RIDGE
    return ((vectors * values.rsqrt()) @ vectors.T).float()


def without_drift(movements: Tensor, start: Tensor) -> Tensor:
    """What is left of the movements after a linear prediction from where the rows started.

    movements, start (V × d, float32) → (V × d). The prediction (ridge regression with an intercept,
    over all rows, most of which no document reads) explains three quarters of a tied table's
    movement after an epoch.
    """
    before, moved = (rows - rows.mean(dim=0) for rows in (start, movements))
    moment = (before.T @ before).double()
    ridge = _DRIFT_RIDGE * moment.diagonal().mean().clamp_min(_TINY)
    moment.diagonal().add_(ridge)
    weights = torch.linalg.solve(moment, (before.T @ moved).double())
    return moved - before @ weights.float()


def unit(rows: Tensor) -> Tensor:
    """Rows (n × d) scaled to length one; a row of zeros is unchanged."""
    return rows / rows.norm(dim=-1, keepdim=True).clamp_min(_TINY)


def per_token(gradients: Tensor, token_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A batch's gradients at its positions, summed over the positions of each token of a document.

    gradients (n × T × d), token_ids and mask (n × T) → documents (r), tokens (r), both int64, by
    document and then token, and their gradients (r × d).
    """
    used = mask.bool()
    n_tokens = int(token_ids.max()) + 1
    documents = torch.arange(len(token_ids), device=token_ids.device)[:, None].expand_as(token_ids)
    keys, places = torch.unique((documents * n_tokens + token_ids)[used], return_inverse=True)
    sums = gradients.new_zeros(len(keys), gradients.shape[-1])
    sums.index_add_(0, places, gradients[used])
    return keys // n_tokens, keys % n_tokens, sums


def agreement(gradients: Sequence[Tensor], movements: Tensor, whitening_matrix: Tensor) -> Tensor:
    """How much of each movement descent along the gradients explains, (r) in [−1, 1].

    gradients: of each of J checkpoints, (r × d); movements (r × d); of any length. Only the signs
    of gradients are used: Adam moves every number by about the same step, whatever its gradient's
    size. The result is the largest cosine, after whitening, of a movement with −Σ_j c_j sign(g_j)
    over weights c_j ≥ 0; if every checkpoint points the other way, it is the least negative cosine.
    ValueError for more than six checkpoints.
    """
    if not 0 < len(gradients) <= MAX_CHECKPOINTS:
        raise ValueError(f"1 to {MAX_CHECKPOINTS} checkpoints, not {len(gradients)}")
    directions = torch.stack([unit(g.sign() @ whitening_matrix) for g in gradients], dim=1)
    inner = torch.einsum("rid,rjd->rij", directions, directions).double()
    along = -torch.einsum("rid,rd->ri", directions, unit(movements @ whitening_matrix)).double()
    fitted = explained(inner, along).sqrt()
    return torch.where((along > 0).any(dim=1), fitted, along.max(dim=1).values).float()


def explained(inner: Tensor, along: Tensor) -> Tensor:
    """max over c ≥ 0 of 2 c·b − cᵀKc, exactly; K (r × J × J) and b (r × J), float64 → (r).

    The non-negative least-squares fit is the best of the ordinary fits to subsets of the columns
    whose weights are all non-negative.
    """
    n_checkpoints = along.shape[1]
    best = along.new_zeros(len(along))
    for size in range(1, n_checkpoints + 1):
        ridge = 1e-9 * torch.eye(size, dtype=inner.dtype, device=inner.device)
        for chosen in combinations(range(n_checkpoints), size):
            columns = list(chosen)
            wanted = along[:, columns]
            weights = torch.linalg.solve(inner[:, columns][:, :, columns] + ridge, wanted)
            value = (weights * wanted).sum(dim=1)
            best = torch.where((weights >= 0).all(dim=1), torch.maximum(best, value), best)
    return best.clamp(0, 1)
