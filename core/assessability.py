"""Whether a pair of models can be audited at all, and why, in words: asked before any score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# A fine-tuned tensor stays near where it began; between unrelated models the cosine is about 0.
_MIN_LINEAGE_COSINE = 0.5
# A last layer that moved less than this many times the rounding floor moved hardly at all.
_MIN_ABOVE_FLOOR = 3.0
_MIN_DECAY_CORRELATION = 0.2
_FLAT, _PEAKED = 0.86, 0.65

Layer = Mapping[str, Any]


class Assessability(StrEnum):
    """What the weights allow to be said."""

    ASSESSABLE = "assessable"
    LIMITED = "limited"
    NOT_ASSESSABLE = "not assessable"


@dataclass(frozen=True)
class Assessment:
    """A verdict, the reasons for it, and what the difference hints at about training."""

    verdict: Assessability
    reasons: tuple[str, ...]
    hints: tuple[str, ...]


def assess(
    layers: Sequence[Layer], head_names: Sequence[str], caveats: Sequence[str]
) -> Assessment:
    """Judge a pair by its layers' differences (rows as ``LayerDifference`` has fields).

    ``head_names``: the layers that gradients are taken of; ``caveats``: what loading had to assume.
    "Not assessable" never means "no leak": it means that nothing can be said this way.
    """
    heads = [layer for layer in layers if layer["name"] in head_names]
    against = _lineage(layers) or _immobile_head(heads)
    if against:
        return Assessment(Assessability.NOT_ASSESSABLE, (against,), _hints(layers))
    doubts = [*_near_floor(heads), *caveats]
    if doubts:
        return Assessment(Assessability.LIMITED, tuple(doubts), _hints(layers))
    return Assessment(
        Assessability.ASSESSABLE,
        (
            "The base fits the final model, and the last layer moved "
            f"{_above_floor(heads):,.0f} times as far as rounding alone could have moved it.",
        ),
        _hints(layers),
    )


def _lineage(layers: Sequence[Layer]) -> str | None:
    """Whether the base is another model's, by its large matrices."""
    matrices = [layer for layer in layers if layer["full_rank"] > 1]
    n_entries = sum(layer["n_entries"] for layer in matrices)
    if not n_entries:
        return None
    cosine = sum(layer["cosine"] * layer["n_entries"] for layer in matrices) / n_entries
    if cosine >= _MIN_LINEAGE_COSINE:
        return None
    return (
        f"The base does not fit this final model: their weights have a cosine of {cosine:.2f}, "
        "where a fine-tuned model stays near 1. Give the model that the final one was "
        "fine-tuned from."
    )


def _immobile_head(heads: Sequence[Layer]) -> str | None:
    if any(layer["difference_norm"] > 0 for layer in heads):
        return None
    return (
        "The last layer did not move in fine-tuning, as with an adapter that leaves it alone. "
        "Nothing can be said by the last layer; this is not evidence of no leak."
    )


def _near_floor(heads: Sequence[Layer]) -> list[str]:
    times = _above_floor(heads)
    if times >= _MIN_ABOVE_FLOOR:
        return []
    return [
        f"The last layer moved only {times:.1f} times as far as rounding its weights would: "
        "much of the difference is noise."
    ]


def _above_floor(heads: Sequence[Layer]) -> float:
    moved = sum(layer["difference_norm"] ** 2 for layer in heads) ** 0.5
    floor = sum(layer["floor_norm"] ** 2 for layer in heads) ** 0.5
    return moved / floor if floor else float("inf")


def _hints(layers: Sequence[Layer]) -> tuple[str, ...]:
    """What the differences of the larger matrices tell of the optimizer; never proof."""
    moved = [layer for layer in layers if layer["difference_norm"] > 0 and layer["full_rank"] > 1]
    if not moved:
        return ()
    hints = []
    n_moved = sum(layer["n_entries"] * layer["share_changed"] for layer in layers)
    n_entries = sum(layer["n_entries"] for layer in layers)
    hints.append(f"{n_moved / n_entries:.0%} of all weights changed.")
    low = [layer for layer in moved if layer["rank_90"] <= max(1, layer["full_rank"] // 16)]
    if len(low) > len(moved) / 2:
        hints.append(
            f"{len(low)} of {len(moved)} changed matrices changed in few directions, as with a "
            "low-rank adapter."
        )
    decays = _weighted(moved, "decay_correlation")
    if decays < -_MIN_DECAY_CORRELATION:
        hints.append(
            f"Weights shrank in proportion to their size (correlation {decays:.2f}), as weight "
            "decay does; it adds a part to the difference that no document explains."
        )
    flatness = _weighted(moved, "flatness")
    if flatness > _FLAT:
        hints.append("Most weights moved about as far, as in few steps of Adam.")
    elif flatness < _PEAKED:
        hints.append("Few weights moved far, as plain gradients move them.")
    return tuple(hints)


def _weighted(layers: Sequence[Layer], field: str) -> float:
    total: float = sum(layer["n_entries"] for layer in layers)
    return sum(layer[field] * layer["n_entries"] for layer in layers) / total
