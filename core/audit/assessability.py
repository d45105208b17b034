"""Whether a pair of models can be audited at all, and why, in words: asked before any score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.maths.weights import LayerDifference
from core.specs import Assessability, GradientLayers

# A fine-tuned tensor stays near where it began; between unrelated models the cosine is about 0.
_MIN_LINEAGE_COSINE = 0.5
# What moved less than this many times the rounding floor moved hardly at all.
_MIN_TIMES_FLOOR = 3.0
_MIN_DECAY_CORRELATION = 0.2
# Between them lies 0.80, the flatness of normally distributed differences.
_FLAT, _PEAKED = 0.86, 0.65


@dataclass(frozen=True)
class Assessment:
    """A verdict, the reasons for it, and what the difference hints at about training."""

    verdict: Assessability
    reasons: tuple[str, ...]
    hints: tuple[str, ...]


@dataclass(frozen=True)
class ScoredPart:
    """The weights that gradients are taken of: how far they moved, and rounding alone would."""

    name: str
    difference_norm: float
    floor_norm: float

    @classmethod
    def of(cls, name: str, layers: Sequence[LayerDifference]) -> ScoredPart:
        """Several tensors as one."""
        return cls(name, _norm(layers, "difference_norm"), _norm(layers, "floor_norm"))

    @property
    def times_floor(self) -> float:
        """How many times as far it moved as rounding alone would move it."""
        return self.difference_norm / self.floor_norm if self.floor_norm else float("inf")


def assess(
    layers: Sequence[LayerDifference], scored: ScoredPart, base_name: str, caveats: Sequence[str]
) -> Assessment:
    """Judge a pair by how its tensors differ; ``caveats``: what loading had to assume.

    "Not assessable" never means "no leak": it means that nothing can be said this way.
    """
    hints = _hints(layers)
    against = _lineage(layers, base_name) or _immobile(layers, scored)
    if against:
        return Assessment(Assessability.NOT_ASSESSABLE, (against,), hints)
    doubts = (*_near_floor(scored), *caveats)
    if doubts:
        return Assessment(Assessability.LIMITED, doubts, hints)
    moved = (
        f"The base fits the final model, and {scored.name} moved {scored.times_floor:,.0f} times "
        "as far as rounding alone could have moved it."
    )
    return Assessment(Assessability.ASSESSABLE, (moved,), hints)


def lineage_cosine(layers: Sequence[LayerDifference]) -> float | None:
    """The mean cosine of final with base over all tensors, weighted by their entries."""
    known = [layer for layer in layers if layer.base_norm]
    return _weighted(known, "cosine") if known else None


def _lineage(layers: Sequence[LayerDifference], base_name: str) -> str | None:
    """Whether the base is another model's."""
    cosine = lineage_cosine(layers)
    if cosine is None or cosine >= _MIN_LINEAGE_COSINE:
        return None
    return (
        f"The base {base_name} does not fit this final model: their weights have a cosine of "
        f"{cosine:.2f}, where a fine-tuned model stays near 1. Give the model that the final one "
        "was fine-tuned from."
    )


def _immobile(layers: Sequence[LayerDifference], scored: ScoredPart) -> str | None:
    if scored.difference_norm:
        return None
    n_moved = sum(layer.difference_norm > 0 for layer in layers)
    return (
        f"Not assessable by {scored.name}: it did not move in fine-tuning, while {n_moved} of "
        f"{len(layers)} tensors did, as with an adapter that leaves it alone. This is not evidence "
        f"of no leak. Ask with --gradient-layers {GradientLayers.CHANGED}, which takes gradients "
        "of the layers that moved."
    )


def _near_floor(scored: ScoredPart) -> list[str]:
    times = scored.times_floor
    if times >= _MIN_TIMES_FLOOR:
        return []
    return [
        f"{scored.name[:1].upper()}{scored.name[1:]} moved only {times:.1f} times as far as "
        "rounding its weights would move it: much of the difference is noise."
    ]


def _hints(layers: Sequence[LayerDifference]) -> tuple[str, ...]:
    """What the differences of the matrices tell of the optimizer; never proof."""
    moved = [layer for layer in layers if layer.difference_norm and layer.full_rank > 1]
    if not moved:
        return ()
    hints = [f"{_weighted(layers, 'share_changed'):.0%} of all weights changed."]
    low = [layer for layer in moved if layer.rank_90 <= max(1, layer.full_rank // 16)]
    if len(low) > len(moved) / 2:
        hints.append(
            f"{len(low)} of {len(moved)} changed matrices changed in few directions, as with a "
            "low-rank adapter."
        )
    decay = _weighted(moved, "decay_correlation")
    if decay < -_MIN_DECAY_CORRELATION:
        hints.append(
            f"Weights shrank in proportion to their size (correlation {decay:.2f}), as weight "
            "decay makes them; that part of the difference no document explains."
        )
    flatness = _weighted(moved, "flatness")
    if flatness > _FLAT:
        hints.append("Most weights moved about as far, as in few steps of Adam.")
    elif flatness < _PEAKED:
        hints.append("Few weights moved far, as plain gradients move them.")
    return tuple(hints)


def _norm(layers: Sequence[LayerDifference], field: str) -> float:
    return float(sum(getattr(layer, field) ** 2 for layer in layers) ** 0.5)


def _weighted(layers: Sequence[LayerDifference], field: str) -> float:
    total = sum(layer.n_entries for layer in layers)
    return float(sum(getattr(layer, field) * layer.n_entries for layer in layers) / total)
