"""How a weight matrix changed: size, direction, rank, and the rounding floor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

# Bits of the fraction, without the leading one.
_FRACTION_BITS = {torch.float32: 23, torch.bfloat16: 7, torch.float16: 10}
# Singular values are computed from at most this many evenly spaced rows and columns.
_MAX_SIDE = 1024
# How many singular values are kept, largest first.
_SPECTRUM = 64
_EXPLAINED = 0.9


@dataclass(frozen=True)
class LayerDifference:
    """final − base of one tensor.

    base_norm, difference_norm: Frobenius. cosine: of final with base. share_changed: of entries.
    floor_norm: what rounding to the stored type alone would give. rank_90: singular values that
    make up 90 % of ‖difference‖² (matrices; 0 for vectors), out of full_rank. Both, and spectrum
    (the largest singular values as shares of their Euclidean norm), use at most 1,024 evenly spaced
    rows and columns. decay_correlation: of the difference with the base (below zero if weight decay
    shrank the weights). flatness: mean |Δ| / root mean Δ²; 0.80 for normally distributed entries,
    near 1 if all moved alike (Adam's first steps), low if few moved far (plain gradients).
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
    spectrum: tuple[float, ...]
    decay_correlation: float
    flatness: float


def layer_difference(
    name: str, base: Tensor, final: Tensor, stored_as: torch.dtype
) -> LayerDifference:
    """Compare two tensors of one shape; ``stored_as``: the coarser type either was rounded to."""
    start, end = base.double().flatten(), final.double().flatten()
    change = end - start
    squared = float(change @ change)
    start_norm, end_norm = float(start.norm()), float(end.norm())
    centred, centred_change = start - start.mean(), change - change.mean()
    spreads = float(centred @ centred) * float(centred_change @ centred_change)
    root_mean_square = (squared / change.numel()) ** 0.5
    is_matrix = base.dim() >= 2 and min(base.shape[0], base[0].numel()) > 1
    spectrum = _spectrum(change.reshape(base.shape[0], -1)) if is_matrix and squared else None
    return LayerDifference(
        name=name,
        n_entries=change.numel(),
        base_norm=start_norm,
        difference_norm=squared**0.5,
        cosine=float(start @ end) / (start_norm * end_norm) if start_norm and end_norm else 0.0,
        share_changed=float((change != 0).double().mean()),
        floor_norm=rounding_floor(final, stored_as),
        rank_90=0 if spectrum is None else _n_to_explain(spectrum),
        full_rank=0 if spectrum is None else len(spectrum),
        spectrum=() if spectrum is None else tuple(spectrum[:_SPECTRUM].tolist()),
        decay_correlation=float(centred @ centred_change) / spreads**0.5 if spreads else 0.0,
        flatness=float(change.abs().mean()) / root_mean_square if root_mean_square else 0.0,
    )


def stored_type(tensors: Iterable[Tensor]) -> torch.dtype:
    """The coarsest type that holds every value: the one they were rounded to.

    It is read from the values, because a file's own type does not show how its values were rounded
    before.
    """
    candidates = [torch.bfloat16, torch.float16]
    for values in tensors:
        candidates = [kind for kind in candidates if torch.equal(values.to(kind).float(), values)]
        if not candidates:
            return torch.float32
    return candidates[0]


def rounding_floor(values: Tensor, stored_as: torch.dtype) -> float:
    """The expected norm of the error of rounding to ``stored_as``, for these ``values``.

    The error of a rounded value is uniform within half a unit in the last place: variance ulp² /
    12.
    """
    sizes = values.double().abs()
    exponents = torch.floor(torch.log2(sizes.clamp_min(torch.finfo(torch.float32).tiny)))
    units = torch.where(sizes > 0, torch.exp2(exponents - _FRACTION_BITS[stored_as]), 0.0)
    return float((units**2 / 12).sum().sqrt())


def coarser(first: torch.dtype, second: torch.dtype) -> torch.dtype:
    """The one of two types that rounds more."""
    return min(first, second, key=_FRACTION_BITS.__getitem__)


def _spectrum(matrix: Tensor) -> Tensor:
    """Singular values, largest first, as shares of their Euclidean norm."""
    rows, columns = (
        torch.linspace(0, side - 1, min(side, _MAX_SIDE), device=matrix.device).long()
        for side in matrix.shape
    )
    part = matrix[rows][:, columns]
    gram = part @ part.T if part.shape[0] <= part.shape[1] else part.T @ part
    values = torch.linalg.eigvalsh(gram).flip(0).clamp_min(0).sqrt()
    return values / values.norm().clamp_min(torch.finfo(torch.float64).tiny)


def _n_to_explain(spectrum: Tensor) -> int:
    return min(int(((spectrum**2).cumsum(0) < _EXPLAINED).sum()) + 1, len(spectrum))
