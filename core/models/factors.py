"""A classifier pair's per-example gradients, one batch of documents after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.maths.gradients import logit_errors, weight_difference_target
from core.models.classifier import Classifier
from core.models.loading import ModelPair, interpolated
from core.models.training import batches_by_length


@dataclass(frozen=True)
class Factors:
    """The gradients of some documents, and the scores that come with the same forward passes.

    indices: which documents; pseudolabel (n, int64) and its final_probability (n); base_loss (n),
    nats of the pseudolabel under the base model; errors δ (J × n × C); hidden h (J × n × d);
    float32.
    """

    indices: NDArray[np.int64]
    pseudolabel: NDArray[np.int64]
    final_probability: NDArray[np.float32]
    base_loss: NDArray[np.float32]
    errors: NDArray[np.float32]
    hidden: NDArray[np.float32]


class FactorModels:
    """The final model that labels and the checkpoints θ_0 … θ_{J−1} that give gradients."""

    def __init__(self, pair: ModelPair, n_checkpoints: int = 1) -> None:
        self._final = pair.final
        self._checkpoints: list[Classifier] = [
            interpolated(pair.base, pair.final, step / n_checkpoints)
            for step in range(n_checkpoints)
        ]

    @property
    def targets(self) -> NDArray[np.float32]:
        """base − final of the last layer for every checkpoint, (J × C × d).

        θ_final − θ_j is the same direction for every j, only shorter, so one target serves all.
        """
        with torch.inference_mode():
            target = weight_difference_target(self._checkpoints[0].head(), self._final.head())
        return np.stack([target.cpu().numpy()] * len(self._checkpoints))

    def of(self, texts: Sequence[str]) -> Iterator[Factors]:
        """Factors of ``texts``, in batches of similar length; every index comes exactly once."""
        token_ids = self._final.tokenize(texts)
        with torch.inference_mode():
            for indices, ids in batches_by_length(token_ids):
                padded, mask = self._final.pad(ids)
                final_logits, _ = self._final.forward(padded, mask)
                labels = final_logits.argmax(dim=-1)
                outputs = [model.forward(padded, mask) for model in self._checkpoints]
                base_loss = torch.nn.functional.cross_entropy(
                    outputs[0][0], labels, reduction="none"
                )
                probability = final_logits.softmax(dim=-1).gather(1, labels[:, None])[:, 0]
                yield Factors(
                    indices=np.asarray(indices),
                    pseudolabel=labels.cpu().numpy(),
                    final_probability=probability.cpu().numpy(),
                    base_loss=base_loss.cpu().numpy(),
                    errors=np.stack(
                        [logit_errors(logits, labels).cpu().numpy() for logits, _ in outputs]
                    ),
                    hidden=np.stack([hidden.cpu().numpy() for _, hidden in outputs]),
                )
