"""A model pair's per-example gradients, one batch of documents after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from assay.core.gradients.all_tokens import Projection, TokenGradients, token_gradients
from assay.core.gradients.last_layer import logit_errors, weight_difference_target
from assay.core.gradients.projection import side_lengths
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.classifier import Classifier
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, interpolated
from assay.core.models.text_model import batches_by_length

# Floats of one chunk of logits: 256 MiB.
_MAX_FLOATS = 1 << 26


@dataclass(frozen=True)
class GradientRows:
    """The gradients of n documents, and the scores that come with the same forward passes.

    indices: which documents. base_loss (n, float32): nats a target under the base model.
    alignment ⟨g, target⟩ and squared_norms ‖g‖² (n × J, float64), exact. arrays: name → (n × width,
    float32), what products between documents need. Classification only: pseudolabel (n, int64)
    and its final_probability (n, float32).
    """

    indices: NDArray[np.int64]
    base_loss: NDArray[np.float32]
    alignment: NDArray[np.float64]
    squared_norms: NDArray[np.float64]
    arrays: dict[str, NDArray[np.float32]]
    pseudolabel: NDArray[np.int64] | None = None
    final_probability: NDArray[np.float32] | None = None

    def summed(self) -> NDArray[np.float64]:
        """Σ_i g_i at each checkpoint, or its projection, (J × D)."""
        steps = range(self.alignment.shape[1])
        if "projected:0" in self.arrays:
            sums = [self.arrays[f"projected:{step}"].sum(axis=0) for step in steps]
        else:
            sums = [
                (self.arrays[f"errors:{step}"].T @ self.arrays[f"hidden:{step}"]).ravel()
                for step in steps
            ]
        return np.stack(sums).astype(np.float64)


class GradientModels(ABC):
    """The checkpoints θ_0 … θ_{J−1} that give gradients, and their targets."""

    def __init__(self, pair: ModelPair, n_checkpoints: int) -> None:
        self._checkpoints = [
            interpolated(pair.base, pair.final, step / n_checkpoints)
            for step in range(n_checkpoints)
        ]

    @property
    def target_norms(self) -> NDArray[np.float64]:
        """‖base − final‖ of the layers that gradients are taken of, for every checkpoint, (J).

        θ_final − θ_j is the same direction for every j, only shorter: one target serves all.
        """
        return np.full(len(self._checkpoints), self._target_norm)

    @property
    @abstractmethod
    def _target_norm(self) -> float: ...

    @property
    def stored_targets(self) -> NDArray[np.float32] | None:
        """The targets themselves (J × C × d) where they are small enough to keep."""
        return None

    @abstractmethod
    def of(self, documents: Sequence[TextDocument]) -> Iterator[GradientRows]:
        """Rows of ``documents`` in batches of similar length; every index comes exactly once."""

    def cosine_of_sum(self, documents: Sequence[TextDocument]) -> float:
        """Of the documents' summed gradient with the target, mean over checkpoints."""
        batches = list(self.of(documents))
        alignment = sum(rows.alignment.sum(axis=0) for rows in batches)
        lengths = np.linalg.norm(sum(rows.summed() for rows in batches), axis=-1)
        return float(np.mean(alignment / (lengths * self.target_norms)))


class LastLayerGradients(GradientModels):
    """Checkpoints whose gradients are of the last layer, in closed form."""

    def __init__(self, pair: ModelPair, n_checkpoints: int) -> None:
        super().__init__(pair, n_checkpoints)
        with torch.inference_mode():
            self._target = weight_difference_target(pair.initial_head(), pair.final.head())

    @property
    def _target_norm(self) -> float:
        return float(self._target.double().norm())


class ClassifierGradients(LastLayerGradients):
    """δ ⊗ h at the final model's own label (the pseudolabel), kept as the pair.

    arrays: ``errors:j`` (n × C) and ``hidden:j`` (n × d) of each checkpoint.
    """

    def __init__(self, pair: ModelPair, n_checkpoints: int = 1) -> None:
        assert isinstance(pair.final, Classifier)
        super().__init__(pair, n_checkpoints)
        self._final = pair.final

    @property
    def stored_targets(self) -> NDArray[np.float32]:
        return np.stack([self._target.cpu().numpy()] * len(self._checkpoints))

    def of(self, documents: Sequence[TextDocument]) -> Iterator[GradientRows]:
        examples = self._final.examples(documents)
        with torch.inference_mode():
            for indices in batches_by_length(examples):
                padded, mask = self._final.pad([examples[index].token_ids for index in indices])
                final_logits, _ = self._final.forward(padded, mask)
                labels = final_logits.argmax(dim=-1)
                outputs = [
                    checkpoint.forward(padded, mask)
                    for checkpoint in self._checkpoints
                    if isinstance(checkpoint, Classifier)
                ]
                pairs = [
                    (logit_errors(logits, labels, self._final.cap), hidden)
                    for logits, hidden in outputs
                ]
                probability = final_logits.softmax(dim=-1).gather(1, labels[:, None])[:, 0]
                yield GradientRows(
                    indices=np.asarray(indices),
                    base_loss=host(
                        functional.cross_entropy(outputs[0][0], labels, reduction="none")
                    ),
                    alignment=columns([self._alignment(*pair) for pair in pairs]),
                    squared_norms=columns(
                        [(e.double() ** 2).sum(-1) * (h.double() ** 2).sum(-1) for e, h in pairs]
                    ),
                    arrays={
                        f"{name}:{step}": host(values)
                        for step, factors in enumerate(pairs)
                        for name, values in zip(("errors", "hidden"), factors, strict=True)
                    },
                    pseudolabel=host(labels),
                    final_probability=host(probability),
                )

    def _alignment(self, errors: Tensor, hidden: Tensor) -> Tensor:
        return torch.linalg.vecdot(errors.double(), (hidden @ self._target.T).double())


class LanguageGradients(LastLayerGradients):
    """Σ_t δ_t ⊗ h_t over a document's target tokens, exact norm and alignment, projected products.

    arrays: ``projected:j`` (n × k₁k₂) of each checkpoint, scaled to estimate inner products.
    """

    def __init__(self, pair: ModelPair, n_checkpoints: int, dimension: int, seed: int) -> None:
        super().__init__(pair, n_checkpoints)
        self._scale = dimension**-0.5
        self._projection = Projection.draw(
            seed,
            side_lengths(dimension),
            self._target.shape,
            str(self._target.device),
        )

    def of(self, documents: Sequence[TextDocument]) -> Iterator[GradientRows]:
        examples = self._checkpoints[0].examples(documents)
        with torch.inference_mode():
            for indices in batches_by_length(examples):
                batch = [examples[index] for index in indices]
                lengths = [example.n_next_tokens for example in batch]
                outputs: list[TokenGradients] = []
                for checkpoint in self._checkpoints:
                    assert isinstance(checkpoint, LanguageModel)
                    hidden, targets = checkpoint.predicting(batch)
                    outputs.append(
                        token_gradients(
                            hidden,
                            targets,
                            lengths,
                            checkpoint.head(),
                            self._target,
                            self._projection,
                            _MAX_FLOATS,
                            checkpoint.cap,
                        )
                    )
                yield GradientRows(
                    indices=np.asarray(indices),
                    base_loss=(host(outputs[0].losses) / np.maximum(lengths, 1)).astype("f4"),
                    alignment=columns([output.alignment for output in outputs]),
                    squared_norms=columns([output.squared_norms for output in outputs]),
                    arrays={
                        f"projected:{step}": host(output.projected * self._scale)
                        for step, output in enumerate(outputs)
                    },
                )


def host(values: Tensor) -> NDArray:
    """A tensor as an array of this machine's memory."""
    return values.cpu().numpy()


def columns(values: Sequence[Tensor]) -> NDArray[np.float64]:
    """One column (n) a checkpoint, as (n × J)."""
    return host(torch.stack([value.double() for value in values], dim=1))
