"""How a weight matrix changed: size, direction, rank, and the floor below which all is rounding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Bits of the fraction, the leading one not counted.
_FRACTION_BITS = {torch.float32: 23, torch.bfloat16: 7, torch.float16: 10}
# Singular values are taken of at most this many rows and columns, drawn evenly.
_MAX_SIDE = 1024
_EXPLAINED = 0.9


@dataclass(frozen=True)
class LayerDifference:
    """final − base of one tensor.

    base_norm, difference_norm: Frobenius. cosine: of final with base. share_changed: of entries.
    floor_norm: what rounding to the coarser of the two stored precisions alone would give.
    rank_90: singular values that hold 90 % of ‖difference‖² (matrices; 0 for vectors), out of
    full_rank. decay_slope: least-squares slope of the difference on the base (weight decay shrinks
    weights: below zero) and decay_correlation its correlation. flatness: mean |Δ| / root mean Δ²,
    0.80 where entries are normal, near 1 where all moved alike (Adam's first steps), low where few
    moved far (plain gradients).
    """

    name: str
    n_entries: int
    base_norm: float
    difference_norm: float
    cosine: float
    share_changed: float
    floor_norm: float
    rank_90: int
    full_rank: int
    decay_slope: float
    decay_correlation: float
    flatness: float


def layer_difference(name: str, base: Tensor, final: Tensor) -> LayerDifference:
    """Compare two tensors of one shape, in any floating-point types (as stored)."""
    start, end = base.double().flatten(), final.double().flatten()
    change = end - start
    squared = float(change @ change)
    start_norm, end_norm = float(start.norm()), float(end.norm())
    centred = start - start.mean()
    spread = float(centred @ centred)
    covariance = float(centred @ (change - change.mean()))
    change_spread = float(((change - change.mean()) ** 2).sum())
    mean_square = squared / change.numel()
    matrix = change.reshape(base.shape[0], -1) if base.dim() >= 2 else None
    rank, full_rank = (0, 0) if matrix is None or squared == 0 else _rank(matrix)
    return LayerDifference(
        name=name,
        n_entries=change.numel(),
        base_norm=start_norm,
        difference_norm=squared**0.5,
        cosine=float(start @ end) / (start_norm * end_norm) if start_norm and end_norm else 0.0,
        share_changed=float((change != 0).double().mean()),
        floor_norm=rounding_floor(base, final),
        rank_90=rank,
        full_rank=full_rank,
        decay_slope=covariance / spread if spread else 0.0,
        decay_correlation=covariance / (spread * change_spread) ** 0.5
        if spread and change_spread
        else 0.0,
        flatness=float(change.abs().mean()) / mean_square**0.5 if mean_square else 0.0,
    )


def rounding_floor(base: Tensor, final: Tensor) -> float:
    """The expected norm of the error of rounding ``final`` to the coarser of two stored types.

    A rounded value lies uniformly within half a unit in the last place: variance ulp² / 12.
    """
    bits = min(_FRACTION_BITS[tensor.dtype] for tensor in (base, final))
    values = final.double().abs()
    exponents = torch.floor(torch.log2(values.clamp_min(torch.finfo(torch.float32).tiny)))
    units = torch.where(values > 0, torch.exp2(exponents - bits), 0.0)
    return float((units**2 / 12).sum().sqrt())


def _rank(matrix: Tensor) -> tuple[int, int]:
    """Singular values that hold nine tenths of the squared norm, and how many there are."""
    rows, columns = (
        torch.linspace(0, side - 1, min(side, _MAX_SIDE)).long() for side in matrix.shape
    )
    energies = torch.linalg.svdvals(matrix[rows][:, columns].float()).double() ** 2
    shares = energies.cumsum(0) / energies.sum()
    return int((shares < _EXPLAINED).sum()) + 1, len(energies)
