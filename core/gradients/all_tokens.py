"""Per-example gradients of a language model's last layer over all target tokens (ARCHITECTURE §2).

A document's gradient is g = Σ_t δ_t ⊗ h_t, V × d. It is never formed: ‖g‖² = Σ_{t,u} (δ_t·δ_u)
(h_t·h_u) and ⟨g, D⟩ = Σ_t δ_t · (D h_t) are exact, and Σ_t R₁δ_t ⊗ R₂h_t is its projection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.core.gradients.projection import random_signs


@dataclass(frozen=True)
class TokenGradients:
    """Of n documents: losses (n) summed over targets, nats; alignment ⟨g, target⟩ (n);
    squared_norms ‖g‖² (n); float64; projected (n × k₁k₂, float32), unscaled."""

    losses: Tensor
    alignment: Tensor
    squared_norms: Tensor
    projected: Tensor


@dataclass(frozen=True)
class Projection:
    """R₁ (k₁ × V) and R₂ (k₂ × d) on the models' device, float32."""

    errors: Tensor
    hidden: Tensor

    @classmethod
    def draw(
        cls,
        seed: int,
        sides: tuple[int, int],
        shape: Sequence[int],
        device: str,
        layer: int = 0,
    ) -> Projection:
        """The projection of ``seed`` for a layer of ``shape`` (V × d); the same signs on every
        device, independent between layers."""
        left = random_signs(seed, "errors", sides[0], shape[0], layer)
        right = random_signs(seed, "hidden", sides[1], shape[1], layer)
        return cls(*(torch.from_numpy(side).to(device).float() for side in (left, right)))


def token_gradients(
    hidden: Tensor,
    targets: Tensor,
    lengths: Sequence[int],
    head: Tensor,
    target: Tensor,
    projection: Projection,
    max_floats: int,
    cap: float | None = None,
) -> TokenGradients:
    """Gradients of documents given as their target positions, one after another.

    hidden (T × d): states that predict ``targets`` (T, int64), the first ``lengths[0]`` of the
    first document and so on; head, target (V × d); float32. At most ``max_floats`` logits are held
    at a time, or one document's where that has more. ``cap``: the model's logits are capped
    softly, cap · tanh(Wh / cap).
    """
    parts = [
        _chunk(hidden[rows], targets[rows], own, head, target, projection, cap)
        for rows, own in _chunks(lengths, max(1, max_floats // len(head)))
    ]
    return TokenGradients(
        *(
            torch.cat([getattr(part, field) for part in parts])
            for field in ("losses", "alignment", "squared_norms", "projected")
        )
    )


def _chunks(lengths: Sequence[int], n_tokens: int) -> Iterator[tuple[slice, list[int]]]:
    """Whole documents together, up to ``n_tokens``: (rows, lengths)."""
    start, own = 0, list[int]()
    for length in lengths:
        if own and sum(own) + length > n_tokens:
            yield slice(start, start + sum(own)), own
            start, own = start + sum(own), []
        own.append(length)
    if own:
        yield slice(start, start + sum(own)), own


def _chunk(
    hidden: Tensor,
    targets: Tensor,
    lengths: list[int],
    head: Tensor,
    target: Tensor,
    projection: Projection,
    cap: float | None,
) -> TokenGradients:
    here = targets[:, None]
    errors = hidden @ head.T
    slopes = None
    if cap is not None:
        errors.div_(cap).tanh_()
        slopes = 1 - errors**2
        errors.mul_(cap)
    normaliser = errors.logsumexp(dim=-1, keepdim=True)
    losses = (normaliser - errors.gather(1, here))[:, 0]
    errors.sub_(normaliser).exp_()
    errors.scatter_add_(1, here, torch.full_like(losses, -1.0)[:, None])
    if slopes is not None:
        errors.mul_(slopes)
    alignment = torch.linalg.vecdot(errors, hidden @ target.T)
    left, right = errors @ projection.errors.T, hidden @ projection.hidden.T
    norms, projected = [], []
    for delta, state, mapped, moved in zip(
        *(part.split(lengths) for part in (errors, hidden, left, right)), strict=True
    ):
        norms.append(((delta @ delta.T) * (state @ state.T)).sum(dtype=torch.float64))
        projected.append((mapped.T @ moved).flatten())
    return TokenGradients(
        _sums(losses, lengths),
        _sums(alignment, lengths),
        torch.stack(norms),
        torch.stack(projected),
    )


def _sums(values: Tensor, lengths: list[int]) -> Tensor:
    return torch.stack([part.sum(dtype=torch.float64) for part in values.split(lengths)])
