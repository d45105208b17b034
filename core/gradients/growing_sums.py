"""The exact length of sums of gradients as they grow, which a projection only estimates.

Greedy selection takes documents whose products with the sum look small, and so exploits the
projection's errors: its own estimate of the cosine is too high (.345 instead of .098 at 64
dimensions). ⟨g, target⟩ of every document is known exactly; of a sum S only ‖S‖ is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from assay.core.gradients.features import FactoredGradients


@dataclass(frozen=True)
class GrowingSum:
    """Σ w_i g_i over documents in order, measured after the first ``sizes`` of them (rising).

    refitted: if weights are fitted again as documents are added, the weights at each size (sizes ×
    documents), zero after it; ``weights`` are then the last ones.
    """

    documents: tuple[int, ...]
    weights: tuple[float, ...]
    sizes: tuple[int, ...]
    refitted: NDArray[np.float64] | None = field(default=None, compare=False)

    @property
    def segments(self) -> list[slice]:
        """The documents that are added before each size."""
        return [slice(*ends) for ends in zip((0, *self.sizes[:-1]), self.sizes, strict=True)]

    def along(self, alignment: NDArray[np.float64]) -> NDArray[np.float64]:
        """⟨sum, target⟩ at each size, (J × sizes), from that of every document, (J × n)."""
        if self.refitted is not None:
            return alignment[:, list(self.documents)] @ self.refitted.T
        grown = (alignment[:, list(self.documents)] * np.asarray(self.weights)).cumsum(axis=1)
        return grown[:, [size - 1 for size in self.sizes]]

    def cosines(
        self,
        squared_norms: NDArray[np.float64],
        alignment: NDArray[np.float64],
        target_norms: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Cosine with the target at each size, (sizes), mean over checkpoints; 0 for a zero sum.

        squared_norms: of the sums, (J × sizes); alignment: of all documents, (J × n).
        """
        lengths = np.sqrt(squared_norms) * target_norms[:, None]
        along = self.along(alignment)
        cosines = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
        return cosines.mean(axis=0)


def squared_norms_of_factors(factors: FactoredGradients, own: GrowingSum) -> NDArray[np.float64]:
    """‖Σ w_i g_i‖² at each size, (J × sizes), for a classifier's last layer (NumPy arrays)."""
    documents, weights = np.asarray(own.documents), np.asarray(own.weights, np.float32)
    if own.refitted is not None:
        errors, hidden = (
            values[:, documents].astype(np.float64) for values in (factors.errors, factors.hidden)
        )
        gram = (errors @ errors.mT) * (hidden @ hidden.mT)
        return ((own.refitted @ gram) * own.refitted).sum(axis=-1)
    total = np.zeros((len(factors.errors), factors.errors.shape[2], factors.hidden.shape[2]))
    found = []
    for part in own.segments:
        chosen = documents[part]
        weighted = factors.errors[:, chosen] * weights[part, None]
        total += weighted.mT @ factors.hidden[:, chosen]
        found.append((total**2).sum(axis=(1, 2)))
    return np.stack(found, axis=1)


@dataclass(frozen=True)
class TokenStates:
    """Documents at their target positions, padded to the longest.

    hidden (n × T × d, float32), targets (n × T, −1 for none) and the logits' logarithmic normaliser
    (n × T, ∞ for none).
    """

    hidden: Tensor
    targets: Tensor
    normaliser: Tensor

    @classmethod
    def of(
        cls,
        hidden: Tensor,
        targets: Tensor,
        lengths: Sequence[int],
        head: Tensor,
        cap: float | None,
        n_at_a_time: int,
    ) -> TokenStates:
        """For documents one after another, as in ``all_tokens.token_gradients``.

        Logits of ``n_at_a_time`` positions are in memory at a time.
        """
        normaliser = torch.cat(
            [_capped(part @ head.T, cap).logsumexp(dim=-1) for part in hidden.split(n_at_a_time)]
        )
        own = list(lengths)
        pad = torch.nn.utils.rnn.pad_sequence
        return cls(
            pad(hidden.split(own), batch_first=True),
            pad(targets.split(own), batch_first=True, padding_value=-1),
            pad(normaliser.split(own), batch_first=True, padding_value=torch.inf),
        )


def squared_norms_of_sums(
    states: Sequence[TokenStates],
    sums: Sequence[GrowingSum],
    head: Tensor,
    max_floats: int,
    cap: float | None = None,
) -> list[NDArray[np.float64]]:
    """‖Σ w_i g_i‖² of each sum at each size, (sizes), for a language model's last layer (V × d).

    Documents are numbered through all ``states``. Rows of V are processed in blocks, so that at
    most about ``max_floats`` numbers of gradients are in memory; sums need no V × d matrix.
    """
    n_documents = sum(len(part.hidden) for part in states)
    at_a_time = max(1, max_floats // (n_documents * head.shape[1]))
    found = [np.zeros(len(own.sizes)) for own in sums]
    bags = [(_Bags if own.refitted is None else _Refits).of(own, head) for own in sums]
    for first in range(0, len(head), at_a_time):
        rows = head[first : first + at_a_time]
        gradients = torch.cat([_gradients(part, rows, first, cap) for part in states])
        for own, bag in zip(found, bags, strict=True):
            own += bag.squared_norms(gradients)
    return found


@dataclass(frozen=True)
class _Bags:
    documents: Tensor
    weights: Tensor
    starts: Tensor

    @classmethod
    def of(cls, own: GrowingSum, like: Tensor) -> _Bags:
        n = own.sizes[-1]
        return cls(
            torch.tensor(own.documents[:n], device=like.device),
            torch.tensor(own.weights[:n], device=like.device, dtype=torch.float32),
            torch.tensor([part.start for part in own.segments], device=like.device),
        )

    def squared_norms(self, gradients: Tensor) -> NDArray[np.float64]:
        added = functional.embedding_bag(
            self.documents, gradients, self.starts, mode="sum", per_sample_weights=self.weights
        )
        squares = added.cumsum_(dim=0).square_().sum(dim=1, dtype=torch.float64)
        return squares.cpu().numpy()


@dataclass(frozen=True)
class _Refits:
    documents: Tensor
    weights: Tensor

    @classmethod
    def of(cls, own: GrowingSum, like: Tensor) -> _Refits:
        return cls(
            torch.tensor(own.documents, device=like.device),
            torch.tensor(own.refitted, device=like.device, dtype=torch.float32),
        )

    def squared_norms(self, gradients: Tensor) -> NDArray[np.float64]:
        added = self.weights @ gradients[self.documents]
        return added.square_().sum(dim=1, dtype=torch.float64).cpu().numpy()


def _gradients(states: TokenStates, rows: Tensor, first: int, cap: float | None) -> Tensor:
    """Σ_t δ_t ⊗ h_t at some rows of the layer, starting at row ``first``, (n × rows·d)."""
    errors = _capped(states.hidden @ rows.T, cap)
    slopes = None if cap is None else 1 - (errors / cap) ** 2
    errors.sub_(states.normaliser[..., None]).exp_()
    at = states.targets - first
    document, position = ((at >= 0) & (at < len(rows))).nonzero(as_tuple=True)
    errors[document, position, at[document, position]] -= 1
    if slopes is not None:
        errors.mul_(slopes)
    return (errors.mT @ states.hidden).flatten(start_dim=1)


def _capped(logits: Tensor, cap: float | None) -> Tensor:
    return logits if cap is None else logits.div_(cap).tanh_().mul_(cap)
