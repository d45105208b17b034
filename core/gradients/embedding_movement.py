"""Which rows of an embedding table fine-tuning moved, and which it certainly did not.

The gradient of an input-embedding row is zero unless its token is read. So the row of a token that
never occurred in training equals the base's, except for what acts on all weights alike: one common
factor (decoupled weight decay) and rounding. Rows that moved form another group, usually hundreds
of times farther away. If there are two such groups, the rows show which tokens occurred; if not,
this module gives the reason and claims nothing. It uses NumPy alone, so that pages can use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from assay.core.gradients.number_formats import FLOAT32, NumberFormat, coarsest, half_unit, rounded

# Fewer rows do not make a group: single rows may be unmoved for other reasons (padding).
_SMALLEST_GROUP = 16
# The minimum ratio of relative distances between the groups; more is required above stragglers.
_SMALLEST_GAP = 3.0
_GAP_ABOVE_STRAGGLERS = 30.0
_STRAGGLING = 10.0
# Without a gap: the largest share of either group that lies between the groups.
_HAZE = 0.1
# What float32 steps leave of a number, what repeated decay leaves of itself, how far (in units in
# the last place) a number is pushed to its neighbour, and how far above the quietest rows others
# may lie.
_ROUNDED = 2.0**-21
_DECAY_ROUNDED = 0.01
_FLIPPED = 0.01
_ABOVE_QUIETEST = 8
# Far below one step of one number.
_NOTHING = 1e-12
# The share of the rows' factors that the densest window covers.
_WINDOW = 1 / 64
_ROWS_AT_A_TIME = 4096
# Numbers with similar fractions are rounded alike at every step of decay.
_FRACTION_BINS = 256
# Estimates of missed rows below this count as none.
_NEARLY_NONE = 0.5

Rows = NDArray[np.float32]


class Movement(StrEnum):
    """What the rows of a table show."""

    # Some rows did not move and others did. A gap separates them, or few rows lie between.
    PARTED = "parted"
    ALL_MOVED = "all_moved"  # no row is surely unmoved: tied tables, coupled decay, coarse storage
    FROZEN = "frozen"  # the table was not trained


@dataclass(frozen=True)
class RowMovement:
    """Results for V rows.

    ``is_moved`` (V, bool): all True if ``kind`` is ALL_MOVED, for lack of proof. distances (V,
    float32): ‖final − common · base‖ / ‖base‖ beyond rounding, 0 if nothing is left; norms (V,
    float32): ‖final − common · base‖ of rows that moved, else 0. common: the factor that all rows
    share, 1 without decay. still_at_most, moved_at_least: the distances at both sides of the gap,
    NaN where no row is surely unmoved. decays_coupled: nearly every number moved against its own
    sign, as L2 decay inside Adam does. n_missable: how many rows may have occurred although
    rounding hid it. stored_as: the coarser of the formats that the two tables' numbers fit into.
    """

    kind: Movement
    is_moved: NDArray[np.bool_]
    distances: Rows
    norms: Rows
    common: float
    still_at_most: float
    moved_at_least: float
    decays_coupled: bool
    n_missable: float
    stored_as: NumberFormat

    @property
    def n_moved(self) -> int:
        return int(self.is_moved.sum())

    @property
    def proves_absence(self) -> bool:
        """Whether an unmoved row proves that its token was never read in training."""
        return self.kind is Movement.PARTED and self.n_missable < _NEARLY_NONE

    @property
    def chance_missed(self) -> float:
        """The estimated share, among tokens that occurred, of those whose row shows nothing; 0
        where absence is proven."""
        if self.proves_absence or not self.n_missable:
            return 0.0
        return self.n_missable / (self.n_missable + self.n_moved)


def row_movement(base: Rows, final: Rows, fewest_moved: int = _SMALLEST_GROUP) -> RowMovement:
    """Compare two tables (V × d, float32 of any precision). ValueError if shapes differ.

    fewest_moved: the number of moved rows that make a group; fewer are enough if other evidence
    shows that they are one. A row did not move if the rest, final − common · base, is what rounding
    and repeated decay leave. Repeated decay rounds at every step, depending on a number's fraction
    and not on its size, so numbers with similar fractions have a factor of their own.
    """
    if base.shape != final.shape or base.ndim != 2:
        raise ValueError(f"two tables of one shape, not {base.shape} and {final.shape}")
    of_base, of_final = coarsest(base), coarsest(final)
    stored_as = min(of_base, of_final, key=lambda kind: kind.fraction_bits)
    # Rounding the base to the final table's format changed nothing.
    start = rounded(base, stored_as) if of_base is not stored_as else base
    equal = np.concatenate([(a == b).all(axis=1) for a, b in _parts(start, final)])
    nothing = np.zeros(len(base), np.float32)
    if equal.all():
        return RowMovement(
            Movement.FROZEN, nothing > 0, nothing, nothing, 1.0, 0.0, np.nan, False, 0.0, stored_as
        )
    common, distances, norms = _distances(base, final, equal, stored_as)
    quietest = float(np.quantile(distances, _WINDOW))
    floor = _floor(common, stored_as, quietest, is_rounded_anew=of_base is not stored_as)
    farthest = _STRAGGLING * max(floor, _DECAY_ROUNDED * abs(1 - common))
    parting, n_between = _parting(distances, floor, farthest, fewest_moved), 0
    if parting is None:
        parting, n_between = _hazy_parting(distances, floor, farthest, fewest_moved)
    if parting is None:
        return RowMovement(
            Movement.ALL_MOVED,
            np.ones(len(base), bool),
            distances,
            norms,
            common,
            np.nan,
            np.nan,
            _decays_coupled(start, final),
            0.0,
            stored_as,
        )
    is_moved = distances > parting[0]
    return RowMovement(
        Movement.PARTED,
        is_moved,
        distances,
        np.where(is_moved, norms, nothing),
        common,
        *parting,
        False,
        n_between
        + _n_missable(
            base[is_moved], final[is_moved], distances[is_moved], floor, common, stored_as
        ),
        stored_as,
    )


def differences(base: Rows, final: Rows, movement: RowMovement) -> Rows:
    """final − common · base, (V × d), with exact zeros in unmoved rows."""
    left = final - np.float32(movement.common) * base
    left[~movement.is_moved] = 0
    return left


def _parts(first: Rows, second: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Both tables, a few rows at a time."""
    for start in range(0, len(first), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        yield first[rows], second[rows]


def _distances(
    base: Rows, final: Rows, equal: NDArray[np.bool_], stored_as: NumberFormat
) -> tuple[float, Rows, Rows]:
    """The common factor, each row's relative distance beyond rounding, and its plain norm."""
    has_values = (base != 0).any(axis=1)
    if int((equal & has_values).sum()) >= _SMALLEST_GROUP:
        # Identical rows leave no room for a factor.
        return 1.0, *_beyond_rounding(base, final, 1.0, None, stored_as)
    common = _common_factor(base, final, has_values)
    distances, _ = _beyond_rounding(base, final, common, None, stored_as)
    quiet = distances <= np.quantile(distances[has_values], _WINDOW)
    by_fraction = _factors_by_fraction(base[quiet], final[quiet], common)
    return common, *_beyond_rounding(base, final, common, by_fraction, stored_as)


def _common_factor(base: Rows, final: Rows, has_values: NDArray[np.bool_]) -> float:
    """Where the rows' own factors, ⟨base, final⟩ / ⟨base, base⟩, are densest.

    Unmoved rows share one factor to many digits, even if there are few.
    """
    squares, products = (
        np.concatenate([np.einsum("vd,vd->v", a, b, dtype=np.float64) for a, b in parts])
        for parts in (_parts(base, base), _parts(base, final))
    )
    own = np.sort(products[has_values] / squares[has_values])
    width = min(len(own), max(_SMALLEST_GROUP, int(_WINDOW * len(own))))
    spans = own[width - 1 :] - own[: len(own) - width + 1]
    first = int(spans.argmin())
    return float(np.median(own[first : first + width]))


def _factors_by_fraction(base: Rows, final: Rows, common: float) -> NDArray[np.float64]:
    """Median final / base of numbers with similar fractions, (bins); ``common`` for empty bins."""
    start, end = base.ravel().astype(np.float64), final.ravel().astype(np.float64)
    ratios = end[start != 0] / start[start != 0]
    bins = _fraction_bin(start[start != 0])
    order = np.lexsort((ratios, bins))
    counts = np.bincount(bins, minlength=_FRACTION_BINS)
    middles = np.cumsum(counts) - counts + counts // 2
    factors = np.full(_FRACTION_BINS, common)
    factors[counts > 0] = ratios[order[middles[counts > 0]]]
    return factors


def _fraction_bin(values: NDArray) -> NDArray[np.int64]:
    fractions, _ = np.frexp(np.abs(values))  # in [½, 1)
    return np.clip((fractions - 0.5) * 2 * _FRACTION_BINS, 0, _FRACTION_BINS - 1).astype(np.int64)


def _beyond_rounding(
    base: Rows,
    final: Rows,
    common: float,
    by_fraction: NDArray[np.float64] | None,
    stored_as: NumberFormat,
) -> tuple[Rows, Rows]:
    """Per row: relative distance less half a unit in the last place of each number; plain norm."""
    # A row of zeros, such as padding, is compared with a thousandth of the usual length.
    squares = float(np.einsum("vd,vd->", base, base, dtype=np.float64))
    least = 1e-3 * (squares / len(base)) ** 0.5
    distances, norms = [], []
    for start, end in _parts(base, final):
        start, end = start.astype(np.float64), end.astype(np.float64)
        norms.append(np.linalg.norm(end - common * start, axis=1))
        factor = common if by_fraction is None else by_fraction[_fraction_bin(start)]
        # Of the larger of both: a power of two that decays falls to where numbers lie twice as
        # dense, while others like it were rounded as coarsely as before.
        larger = np.maximum(np.abs(start), np.abs(end))
        left = np.maximum(np.abs(end - factor * start) - half_unit(larger, stored_as), 0)
        sizes = np.maximum(np.linalg.norm(start, axis=1), least)
        distances.append(np.linalg.norm(left, axis=1) / sizes)
    return (
        np.concatenate(distances).astype(np.float32),
        np.concatenate(norms).astype(np.float32),
    )


def _floor(common: float, stored_as: NumberFormat, quietest: float, is_rounded_anew: bool) -> float:
    """The relative distance that rounding leaves in an unmoved row.

    Half a unit is subtracted already. What remains: float32's own steps; decay that rounds at every
    step, but not far above what the quietest rows show; and, if a finer base was rounded, numbers
    that slight decay pushed to their neighbour.
    """
    if common == 1 and not is_rounded_anew:
        return _NOTHING
    flips = _FLIPPED * 2.0**-stored_as.fraction_bits if is_rounded_anew else 0.0
    decayed = _DECAY_ROUNDED * abs(1 - common)
    if stored_as is FLOAT32:
        decayed = min(decayed, _ABOVE_QUIETEST * quietest)
    return max(_ROUNDED, decayed, flips)


def _parting(
    distances: Rows, floor: float, farthest: float, fewest_moved: int
) -> tuple[float, float] | None:
    """The distances at both sides of the gap between unmoved and moved rows.

    Rows within ``floor`` are explained by rounding. They and the others must both be groups, and
    the nearest of the others three times as far away. Stragglers up to ``farthest`` are accepted if
    a much wider gap (thirty times) lies above them: a thousand steps of decay leave single rows a
    tenth of the decay away. None without a gap.
    """
    ordered = np.sort(distances.astype(np.float64))
    first = int(np.searchsorted(ordered, floor, side="right"))
    last = int(np.searchsorted(ordered, farthest, side="right"))
    if first < _SMALLEST_GROUP:
        return None
    above = ordered[first : last + 1]
    if not len(above):
        return None
    steps = above / np.maximum(ordered[first - 1 : first - 1 + len(above)], floor)
    at = 0 if steps[0] >= _SMALLEST_GAP else int(steps.argmax())
    if steps[at] < (_SMALLEST_GAP if at == 0 else _GAP_ABOVE_STRAGGLERS):
        return None
    if len(ordered) - first - at < fewest_moved:
        return None
    # In the rows' own precision, so that comparisons are exact.
    return float(np.float32(ordered[first + at - 1])), float(np.float32(ordered[first + at]))


def _hazy_parting(
    distances: Rows, floor: float, farthest: float, fewest_moved: int
) -> tuple[tuple[float, float] | None, int]:
    """The same where no gap separates the groups, but few rows lie between them, and how many.

    The last steps of a small learning rate that falls to zero move rows less than rounding does.
    Rows beyond ``farthest`` have moved; those below may have, so they prove nothing.
    """
    ordered = np.sort(distances.astype(np.float64))
    n_still = int(np.searchsorted(ordered, floor, side="right"))
    n_below = int(np.searchsorted(ordered, farthest, side="right"))
    n_between, n_moved = n_below - n_still, len(ordered) - n_below
    if n_still < _SMALLEST_GROUP or n_moved < fewest_moved:
        return None, 0
    if n_between > _HAZE * min(n_still, n_moved):
        return None, 0
    return (
        float(np.float32(ordered[n_below - 1])),
        float(np.float32(ordered[n_below])),
    ), n_between


def _decays_coupled(start: Rows, final: Rows) -> bool:
    """Whether nearly every number moved towards zero, by about the same step.

    Decay that passes through Adam (``weight_decay`` of torch.optim.Adam) does that to all rows.
    """
    change, sign = (final - start)[start != 0], np.sign(start[start != 0])
    sizes = np.abs(change)
    is_near = (sizes > 0.5 * np.median(sizes)) & (sizes < 2 * np.median(sizes))
    return bool((change * sign < 0).mean() > 0.75 and is_near.mean() > 0.5)


def _n_missable(
    base: Rows, final: Rows, distances: Rows, floor: float, common: float, stored_as: NumberFormat
) -> float:
    """The number of rows that occurred but show nothing: the larger of two estimates.

    For coarse storage: from how many rows have one changed number and how many have two (Chao's
    estimate of unseen species, with numbers instead of visits). Always: how many would lie below
    the floor if the logarithms of the distances were normally distributed.
    """
    changed = np.concatenate(
        [
            (np.abs(b - common * a.astype(np.float64)) > half_unit(b, stored_as)).sum(axis=1)
            for a, b in _parts(base, final)
        ]
    )
    once, twice = int((changed == 1).sum()), int((changed == 2).sum())
    low, middle = np.quantile(np.log(distances.astype(np.float64)), [0.16, 0.5])
    # One number in a row that changes by half a unit.
    least = np.log(max(floor, 2.0**-stored_as.fraction_bits / 2 / base.shape[1] ** 0.5))
    share_below = norm.cdf((least - middle) / max(middle - low, 1e-9))
    return max(once**2 / (2 * max(1, twice)), float(share_below) * len(distances))
