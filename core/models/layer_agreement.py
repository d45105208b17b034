"""How far a language model's linear layers moved along the gradients at each document's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.core.gradients.layer_agreement import LayerFilter, Moments, document_scores
from assay.core.models.examples import Example, TextDocument
from assay.core.models.layer_passes import LayerPass, layer_passes
from assay.core.models.linear_layers import layer_weight, moved_layers
from assay.core.models.loading import ModelPair, interpolated
from assay.core.models.text_model import Batches, TextModel, example_batches

# Blocks whose layers are compared. Measured on SmolLM2, which has 30: ten find .88 of the training
# documents at 1% mistaken, four .83.
N_BLOCKS = 10
# Where gradients are taken between base (0) and final (1). Measured: 1 finds the same documents.
CHECKPOINT = 0.5
# A backward pass keeps every layer's inputs and errors.
_TOKENS_PER_BATCH = 1024


class LayerAgreement:
    """The preconditioned movement of layers, and a model whose gradients are compared with it.

    ``sample``: documents whose tokens give the second moments; those in question, or a part of
    them. They are run when the first document is scored. InputError if no linear layer moved, or if
    the layers do not process documents separately.
    """

    def __init__(self, pair: ModelPair, sample: Sequence[TextDocument]) -> None:
        self._pair, self._sample = pair, sample
        self._names = moved_layers(pair.base, pair.final, N_BLOCKS)
        # Fails if documents share a layer's rows, as in a mixture of experts.
        few = [one for one in pair.final.examples(sample[:8]) if one.n_next_tokens][:2]
        if few:
            layer_passes(pair.final, self._names, few)

    @cached_property
    def _checkpoint(self) -> TextModel:
        return interpolated(self._pair.base, self._pair.final, CHECKPOINT)

    @cached_property
    def _filters(self) -> dict[str, LayerFilter]:
        base, final = self._pair.base, self._pair.final
        movements = {
            name: layer_weight(base, name) - layer_weight(final, name) for name in self._names
        }
        moments = {name: Moments.none(movement) for name, movement in movements.items()}
        for _, batch in self.batches(self._sample):
            for own in self._passed(batch):
                used = _has_gradient(batch, own)
                moments[own.name].add(own.inputs[used], own.errors[used])
        return {name: moments.pop(name).filter(movements[name]) for name in self._names}

    def batches(self, documents: Sequence[TextDocument]) -> Batches:
        """The batches of ``documents`` that are run together, with their places."""
        return example_batches(self._pair.final.examples(documents), _TOKENS_PER_BATCH)

    def of(self, documents: Sequence[TextDocument]) -> NDArray[np.float64]:
        """Scores of ``documents``, (n, in [−1, 1]), in order."""
        scores = np.zeros(len(documents))
        for indices, batch in self.batches(documents):
            scores[indices] = self.of_batch(batch)
        return scores

    def of_batch(self, batch: Sequence[Example]) -> NDArray[np.float64]:
        """Scores of one batch, (n), in its order; 0 for a document without a token to predict."""
        filters, total = self._filters, torch.zeros(())
        for own in self._passed(batch):
            found = _agreements(filters[own.name], batch, own)
            total = total.to(found.device) + found
        lengths = torch.tensor([_n_with_gradient(example) for example in batch])
        of_document = torch.arange(len(batch)).repeat_interleave(lengths)
        means = (total / len(self._names)).expand(len(of_document))
        return document_scores(means, of_document.to(means.device), len(batch)).cpu().numpy()

    def _passed(self, batch: Sequence[Example]) -> list[LayerPass]:
        """Every layer's pass; none if no token of the batch is predicted."""
        if not any(example.n_next_tokens for example in batch):
            return []
        _, layers = layer_passes(self._checkpoint, self._names, batch)
        return layers


def _agreements(layer: LayerFilter, batch: Sequence[Example], own: LayerPass) -> Tensor:
    """Of the tokens that have a gradient, one document's after another's."""
    with torch.inference_mode():
        found = layer.agreements(own.inputs.flatten(0, 1), own.errors.flatten(0, 1))
        # A layer that is used several times in a pass has several of each token.
        of_calls = found.view(len(batch), -1, _longest(batch)).mean(dim=1)
        return of_calls[_has_gradient(batch, own)[:, : of_calls.shape[1]]]


def _has_gradient(batch: Sequence[Example], own: LayerPass) -> Tensor:
    """Which positions of a layer's pass have one, (n × T, bool)."""
    device = own.inputs.device
    lengths = torch.tensor([_n_with_gradient(example) for example in batch], device=device)
    positions = torch.arange(own.inputs.shape[1], device=device) % _longest(batch)
    return positions < lengths[:, None]


def _longest(batch: Sequence[Example]) -> int:
    return max(len(example.token_ids) for example in batch)


def _n_with_gradient(example: Example) -> int:
    """A document's last token is predicted, never read."""
    return max(0, len(example.token_ids) - 1)
