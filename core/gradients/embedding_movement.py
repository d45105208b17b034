"""Which rows of an embedding table fine-tuning moved, and how surely the others stood still.

The gradient of an input-embedding row is zero unless its token is read. So a row of a token that
never occurred in training is the base's, up to what acts on all weights alike: one common factor
(decoupled weight decay) and rounding. Rows that moved are another group, usually hundreds of times
farther out. Where two such groups are found, rows tell which tokens occurred; where none are, this
module says why and claims nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from assay.core.gradients.weight_difference import coarser, stored_type
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor

# Bits of the fraction of each type, the leading one not counted.
_FRACTION_BITS = {torch.float32: 23, torch.bfloat16: 7, torch.float16: 10}
# The smallest normal exponent of each type.
_LEAST_EXPONENT = {torch.float32: -126, torch.bfloat16: -126, torch.float16: -14}
# Fewer still rows than this are no group: single rows keep still for reasons of their own (padding).
_SMALLEST_GROUP = 16
# The groups must lie this many times apart, in relative distance.
_SMALLEST_GAP = 3.0
# What float32 steps leave of a number, what repeated decay leaves of itself, and what pushes a
# number to its neighbour, in units in the last place.
_ROUNDED = 2.0**-21
_DECAY_ROUNDED = 0.01
_FLIPPED = 0.01
# Far below a single step of a single number.
_NOTHING = 1e-12
# The densest window of the rows' factors spans this share of them.
_WINDOW = 1 / 64
_ROWS_AT_A_TIME = 4096
# Numbers whose fractions begin alike are rounded alike at every step of decay.
_FRACTION_BINS = 256


class Movement(StrEnum):
    """What the rows of a table allow to say."""

    PARTED = "parted"  # some rows stood still, others moved, and a gap lies between
    ALL_MOVED = "all_moved"  # no row stood still: tied tables, coupled decay, noise
    FROZEN = "frozen"  # the table was not trained


@dataclass(frozen=True)
class RowMovement:
    """Of V rows. ``is_moved`` (V, bool): all True where ``kind`` is ALL_MOVED, for lack of proof.

    distance (V, float32): ‖final − common · base‖ / ‖base‖ beyond rounding, 0 where nothing is
    left; norms (V, float32): ‖final − common · base‖, rounding included. common: the factor that
    all rows share, 1 without decay. still_at_most, moved_at_least: the distances at both sides of
    the gap, NaN without one. decays_coupled: every row moved against its own sign, as L2 decay
    inside Adam does. n_missable: how many rows may have occurred although rounding hid it, a lower
    estimate (Chao); 0 in float32. stored_as: the coarser of the two tables' types.
    """

    kind: Movement
    is_moved: NDArray[np.bool_]
    distance: NDArray[np.float32]
    norms: NDArray[np.float32]
    common: float
    still_at_most: float
    moved_at_least: float
    decays_coupled: bool
    n_missable: float
    stored_as: torch.dtype

    @property
    def n_moved(self) -> int:
        return int(self.is_moved.sum())

    @property
    def chance_missed(self) -> float:
        """The estimated share, among tokens that occurred, of those whose row shows nothing."""
        return self.n_missable / (self.n_missable + self.n_moved) if self.n_missable else 0.0


def row_movement(base: Tensor, final: Tensor) -> RowMovement:
    """Compare two tables of one shape (V × d), of any floating type. ValueError for other shapes.

    A row stood still if what is left of it, final − common · base, is what rounding and repeated
    decay leave. Repeated decay rounds at every step, by the fraction of a number and not by its
    size, so numbers with like fractions share a factor of their own.
    """
    if base.shape != final.shape or base.dim() != 2:
        raise ValueError(f"two tables of one shape, not {base.shape} and {final.shape}")
    stored_as = coarser(stored_type([base.float()]), stored_type([final.float()]))
    # Rounding of the base to the type of the final table moved nothing.
    start = base.float().to(stored_as).float() if stored_as is not torch.float32 else base.float()
    end = final.float()
    if torch.equal(start, end):
        still = np.zeros(len(base), bool)
        nothing = np.zeros(len(base), np.float32)
        return RowMovement(
            Movement.FROZEN, still, nothing, nothing, 1.0, 0.0, np.nan, False, 0.0, stored_as
        )
    common, distance, norms = _distances(base.float(), start, end, stored_as)
    floor = _floor(base.float(), common, stored_as)
    parting = _parting(distance, floor)
    if parting is None:
        return RowMovement(
            Movement.ALL_MOVED,
            np.ones(len(base), bool),
            distance,
            norms,
            common,
            np.nan,
            np.nan,
            _decays_coupled(start, end),
            0.0,
            stored_as,
        )
    still_at_most, moved_at_least = parting
    is_moved = distance > still_at_most
    return RowMovement(
        Movement.PARTED,
        is_moved,
        distance,
        np.where(is_moved, norms, 0).astype(np.float32),
        common,
        still_at_most,
        moved_at_least,
        False,
        _n_missable(base.float(), end, distance, floor, common, stored_as),
        stored_as,
    )


def differences(base: Tensor, final: Tensor, movement: RowMovement) -> Tensor:
    """final − common · base, (V × d) float32, with exact zeros in rows that stood still."""
    left = final.float() - movement.common * base.float()
    return left * torch.from_numpy(movement.is_moved).to(left)[:, None]


def _distances(
    base: Tensor, start: Tensor, end: Tensor, stored_as: torch.dtype
) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
    """The common factor, each row's relative distance beyond rounding, and its plain norm."""
    has_values = (start != 0).any(dim=1)
    equal = (start == end).all(dim=1)
    if int((equal & has_values).sum()) >= _SMALLEST_GROUP:
        # Rows that are the same number for number leave no room for a factor.
        return 1.0, *_beyond_rounding(base, end, 1.0, None, stored_as)
    common = _common_factor(base, end, has_values)
    distance, norms = _beyond_rounding(base, end, common, None, stored_as)
    quiet = distance <= np.quantile(distance[has_values.numpy()], _WINDOW)
    by_fraction = _factors_by_fraction(base[torch.from_numpy(quiet)], end[torch.from_numpy(quiet)])
    distance, norms = _beyond_rounding(base, end, common, by_fraction, stored_as)
    return common, distance, norms


def _floor(base: Tensor, common: float, stored_as: torch.dtype) -> float:
    """The relative distance that rounding leaves of a row that stood still.

    Half a unit is taken off already. What remains: float32's own steps; decay that rounds at every
    step; and, where a finer base was rounded, numbers that a little decay pushed to their neighbour.
    """
    is_rounded_anew = not torch.equal(base.to(stored_as).float(), base)
    if common == 1 and not is_rounded_anew:
        return _NOTHING
    flips = _FLIPPED * 2.0 ** -_FRACTION_BITS[stored_as] if is_rounded_anew else 0.0
    return max(_ROUNDED, _DECAY_ROUNDED * abs(1 - common), flips)


def _common_factor(base: Tensor, end: Tensor, has_values: Tensor) -> float:
    """Where the rows' own factors, ⟨base, final⟩ / ⟨base, base⟩, lie densest.

    Rows that stood still share one factor to many digits, however few they are.
    """
    squares = _row_sums(base, base)
    own = (_row_sums(base, end)[has_values] / squares[has_values]).sort().values
    width = max(2, min(len(own), max(_SMALLEST_GROUP, int(_WINDOW * len(own)))))
    spans = own[width - 1 :] - own[: len(own) - width + 1]
    first = int(spans.argmin())
    return float(own[first : first + width].median())


def _row_sums(first: Tensor, second: Tensor) -> Tensor:
    """Σ_j a_vj · b_vj, (V) float64, a few rows at a time."""
    parts = zip(first.split(_ROWS_AT_A_TIME), second.split(_ROWS_AT_A_TIME), strict=True)
    return torch.cat([(a.double() * b.double()).sum(dim=1) for a, b in parts])


def _factors_by_fraction(base: Tensor, end: Tensor) -> Tensor:
    """Median final / base of numbers whose fractions fall into one bin, (bins) float64.

    NaN where no number falls.
    """
    start, ratio = base.double().flatten(), end.double().flatten() / base.double().flatten()
    fits = torch.isfinite(ratio)
    bins, ratio = _fraction_bin(start[fits]), ratio[fits]
    order = torch.argsort(ratio, stable=True)
    order = order[torch.argsort(bins[order], stable=True)]
    counts = torch.bincount(bins, minlength=_FRACTION_BINS)
    middles = counts.cumsum(0) - counts + counts // 2
    medians = torch.full((_FRACTION_BINS,), float("nan"), dtype=torch.float64)
    found = counts > 0
    medians[found] = ratio[order[middles[found]]]
    return medians


def _fraction_bin(values: Tensor) -> Tensor:
    fraction, _ = torch.frexp(values.abs())  # in [½, 1)
    return ((fraction - 0.5) * 2 * _FRACTION_BINS).long().clamp(0, _FRACTION_BINS - 1)


def _beyond_rounding(
    base: Tensor,
    end: Tensor,
    common: float,
    by_fraction: Tensor | None,
    stored_as: torch.dtype,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Per row: relative distance less half a unit in the last place of each number; plain norm."""
    distances, norms = [], []
    for start, stop in zip(base.split(_ROWS_AT_A_TIME), end.split(_ROWS_AT_A_TIME), strict=True):
        start, stop = start.double(), stop.double()
        norms.append((stop - common * start).norm(dim=1))
        factor: Tensor | float = common
        if by_fraction is not None:
            factor = by_fraction[_fraction_bin(start)]
            factor = torch.where(torch.isfinite(factor), factor, common)
        left = ((stop - factor * start).abs() - _half_unit(stop, stored_as)).clamp_min(0)
        distances.append(left.norm(dim=1) / start.norm(dim=1).clamp_min(1e-300))
    return _host(torch.cat(distances)), _host(torch.cat(norms))


def _half_unit(values: Tensor, stored_as: torch.dtype) -> Tensor:
    """Half a unit in the last place of what was rounded to ``stored_as``."""
    _, exponent = torch.frexp(values)
    exponent = (exponent - 1).clamp_min(_LEAST_EXPONENT[stored_as]) - _FRACTION_BITS[stored_as]
    return torch.ldexp(torch.full_like(values, 0.5), exponent)


def _parting(distance: NDArray[np.float32], floor: float) -> tuple[float, float] | None:
    """The distances at both sides of the gap between rows that stood still and rows that moved.

    Rows within ``floor`` are explained by rounding. They and the others must both be groups, and
    the nearest of the others three times as far as the floor; else None.
    """
    is_explained = distance <= floor
    n_explained = int(is_explained.sum())
    if min(n_explained, len(distance) - n_explained) < _SMALLEST_GROUP:
        return None
    moved_at_least = float(distance[~is_explained].min())
    if moved_at_least < _SMALLEST_GAP * floor:
        return None
    return float(distance[is_explained].max()), moved_at_least


def _decays_coupled(start: Tensor, end: Tensor) -> bool:
    """Whether nearly every number moved towards zero, by about the same step.

    Decay that passes through Adam (``weight_decay`` of torch.optim.Adam) does that to all rows.
    """
    change = (end - start)[start != 0]
    inwards = (change * start[start != 0].sign()) < 0
    sizes = change.abs()
    median = sizes.median()
    near = ((sizes > 0.5 * median) & (sizes < 2 * median)).float().mean()
    return bool(inwards.float().mean() > 0.75) and bool(near > 0.5)


def _n_missable(
    base: Tensor,
    end: Tensor,
    distance: NDArray[np.float32],
    floor: float,
    common: float,
    stored_as: torch.dtype,
) -> float:
    """Rows that occurred and yet show nothing: the larger of two estimates.

    Where storage is coarse: by how many moved rows changed one number and how many two (Chao's
    estimate of unseen kinds, numbers in place of visits). Everywhere: how many would lie below the
    floor if the logarithms of the moved rows' distances are normal.
    """
    is_moved = distance > floor
    moved = torch.from_numpy(is_moved)
    left = (end[moved].double() - common * base[moved].double()).abs()
    changed = (left > _half_unit(end[moved].double(), stored_as)).sum(dim=1)
    once, twice = int((changed == 1).sum()), int((changed == 2).sum())
    heights = np.log(distance[is_moved].astype(np.float64))
    low, middle = np.quantile(heights, [0.16, 0.5])
    least = np.log(max(floor, 2.0 ** -_FRACTION_BITS[stored_as] / 2 / base.shape[1] ** 0.5))
    below = norm.cdf((least - middle) / max(middle - low, 1e-9))
    return max(once**2 / (2 * max(1, twice)), float(below) * int(is_moved.sum()))


def _host(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()
