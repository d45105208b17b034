"""Per-example gradients of a language model's last layer over all target tokens (ARCHITECTURE §2).

A document's gradient is g = Σ_t δ_t ⊗ h_t, V × d. It is never formed: ‖g‖² = Σ_{t,u} (δ_t·δ_u)
(h_t·h_u) and ⟨g, D⟩ = Σ_t δ_t · (D h_t) are exact, and a sum of tensor sketches is its projection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay.core.gradients.projection import random_order, random_signs


@dataclass(frozen=True)
class TokenGradients:
    """For n documents: losses (n) summed over targets, nats; alignment ⟨g, target⟩ (n).

    squared_norms ‖g‖² (n); float64; projected (n × k, float32).
    """

    losses: Tensor
    alignment: Tensor
    squared_norms: Tensor
    projected: Tensor


@dataclass(frozen=True)
class CountSketch:
    """Adds n values, each with its sign, into k buckets.

    places (k × ⌈n / k⌉): which values a bucket adds, in this order; signs: the sign of each, 0
    where a bucket has one value less.
    """

    places: Tensor
    signs: Tensor

    @classmethod
    def draw(
        cls, seed: int, side: str, n: int, dimension: int, device: str, layer: int
    ) -> CountSketch:
        order = random_order(seed, side, -(-n // dimension) * dimension, layer)
        places = order.reshape(-1, dimension).T
        signs = np.append(random_signs(seed, side, 1, n, layer)[0], 0)[places.clip(max=n)]
        return cls(
            torch.from_numpy(places.clip(max=n - 1)).to(device).contiguous(),
            torch.from_numpy(signs).to(device).float().contiguous(),
        )

    @property
    def dimension(self) -> int:
        return len(self.places)

    def of(self, values: Tensor) -> Tensor:
        """(T × n) → (T × k). Every sum is added in the same order, on every device.

        A bucket adds whole rows of the transposed values: reading single numbers of each token from
        random places takes 2.3 times as long.
        """
        rows = values.T.contiguous()
        added = functional.embedding_bag(
            self.places, rows, per_sample_weights=self.signs, mode="sum"
        )
        return added.T.contiguous()


@dataclass(frozen=True)
class TensorSketch:
    """A projection of δ ⊗ h to k dimensions from a count sketch of each, on the models' device."""

    errors: CountSketch
    hidden: CountSketch

    @classmethod
    def draw(
        cls, seed: int, dimension: int, shape: Sequence[int], device: str, layer: int = 0
    ) -> TensorSketch:
        """The projection of ``seed`` for a layer of ``shape`` (V × d); the same on every device,
        independent between layers. Layer 0 is the last layer."""
        errors, hidden = (
            CountSketch.draw(seed, side, n, dimension, device, layer)
            for side, n in zip(("errors", "hidden"), shape, strict=True)
        )
        return cls(errors, hidden)

    @property
    def dimension(self) -> int:
        return self.errors.dimension

    def of_sums(self, errors: Tensor, hidden: Tensor, lengths: Sequence[int]) -> Tensor:
        """Σ_t δ_t ⊗ h_t of documents, projected: errors (T × V), hidden (T × d) → (n × k).

        The convolution of two count sketches is the count sketch of δ ⊗ h; it is computed as a
        product of Fourier transforms.
        """
        products = torch.fft.rfft(self.errors.of(errors)) * torch.fft.rfft(self.hidden.of(hidden))
        sums = torch.stack([own.sum(dim=0) for own in products.split(list(lengths))])
        return torch.fft.irfft(sums, n=self.dimension)


def token_gradients(
    hidden: Tensor,
    targets: Tensor,
    lengths: Sequence[int],
    head: Tensor,
    target: Tensor,
    sketch: TensorSketch,
    max_floats: int,
    cap: float | None = None,
) -> TokenGradients:
    """Gradients of documents given as their target positions, one document after another.

    hidden (T × d): states that predict ``targets`` (T, int64), the first ``lengths[0]`` of the
    first document and so on; head, target (V × d); float32. At most ``max_floats`` logits are in
    memory at a time, or those of one longer document. ``cap``: the model's logits have a soft cap,
    cap · tanh(Wh / cap).
    """
    parts = [
        _chunk(hidden[rows], targets[rows], own, head, target, sketch, cap)
        for rows, own in _chunks(
            lengths, max(1, max_floats // max(len(head), 2 * sketch.dimension))
        )
    ]
    return TokenGradients(
        *(
            torch.cat([getattr(part, field) for part in parts])
            for field in ("losses", "alignment", "squared_norms", "projected")
        )
    )


def _chunks(lengths: Sequence[int], n_tokens: int) -> Iterator[tuple[slice, list[int]]]:
    """Whole documents together, up to ``n_tokens`` tokens: (rows, lengths)."""
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
    sketch: TensorSketch,
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
    norms = [
        ((delta @ delta.T) * (state @ state.T)).sum(dtype=torch.float64)
        for delta, state in zip(errors.split(lengths), hidden.split(lengths), strict=True)
    ]
    return TokenGradients(
        _sums(losses, lengths),
        _sums(alignment, lengths),
        torch.stack(norms),
        sketch.of_sums(errors, hidden, lengths),
    )


def _sums(values: Tensor, lengths: list[int]) -> Tensor:
    return torch.stack([part.sum(dtype=torch.float64) for part in values.split(lengths)])
