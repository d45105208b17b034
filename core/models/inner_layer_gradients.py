"""A model pair's per-example gradients of inner layers, by one backward pass per batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.core.gradients.all_tokens import TensorSketch
from assay.core.gradients.growing_sums import GrowingSum
from assay.core.gradients.inner_layers import LayerGradients, layer_gradients
from assay.core.models.classifier import Classifier
from assay.core.models.examples import Example, TextDocument
from assay.core.models.layer_passes import LayerPass, layer_passes
from assay.core.models.linear_layers import inner_layers, layer_weight
from assay.core.models.loading import ModelPair
from assay.core.models.per_example_gradients import GradientModels, GradientRows, columns, host
from assay.core.models.text_model import TextModel, batches_by_length
from assay.core.specs.audit import GradientLayers

# A backward pass keeps the results of the forward pass.
_TOKENS_PER_BATCH = 2048


class InnerGradients(GradientModels):
    """Gradients of the loss that fine-tuning lowered, at layers before the last.

    A classifier's are taken at the final model's own label, as in the closed form of the last
    layer. arrays: ``projected:j`` (n × k) of each checkpoint, whose inner products are estimates.
    Alignment and norm are exact. InputError if none of the layers moved.
    """

    _tokens_per_batch = _TOKENS_PER_BATCH

    def __init__(
        self,
        pair: ModelPair,
        n_checkpoints: int,
        which: GradientLayers,
        dimension: int,
        seed: int,
    ) -> None:
        super().__init__(pair, n_checkpoints)
        self._final = pair.final
        names = inner_layers(pair.base, pair.final, which)
        self._targets = {
            name: layer_weight(pair.base, name) - layer_weight(pair.final, name) for name in names
        }
        device = pair.base.compute.device
        self._sketches = {
            # Layer 0 is the last layer's sketch.
            name: TensorSketch.draw(seed, dimension, target.shape, device, number + 1)
            for number, (name, target) in enumerate(self._targets.items())
        }

    @property
    def _target_norm(self) -> float:
        squares = [float(target.double().square().sum()) for target in self._targets.values()]
        return sum(squares) ** 0.5

    def _examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        return self._final.examples(documents)

    def of_batch(self, batch: Sequence[Example]) -> GradientRows:
        labels, probability = self._labels(batch)
        if labels is not None:
            batch = _with_labels(batch, labels)
        losses, gradients = zip(
            *(self._gradients(checkpoint, batch) for checkpoint in self._checkpoints), strict=True
        )
        n_targets = [1 if labels is not None else max(1, e.n_next_tokens) for e in batch]
        return GradientRows(
            indices=np.arange(len(batch)),
            base_loss=(host(losses[0]) / n_targets).astype("f4"),
            alignment=columns([own.alignment for own in gradients]),
            squared_norms=columns([own.squared_norms for own in gradients]),
            arrays={f"projected:{step}": host(own.projected) for step, own in enumerate(gradients)},
            pseudolabel=labels,
            final_probability=probability,
        )

    def _labels(
        self, batch: Sequence[Example]
    ) -> tuple[NDArray[np.int64] | None, NDArray[np.float32] | None]:
        """The final model's own labels and their probabilities; None if it gives no labels."""
        if not isinstance(self._final, Classifier):
            return None, None
        with torch.inference_mode():
            logits, _ = self._final.forward(*self._final.pad([e.token_ids for e in batch]))
            probability, labels = logits.softmax(dim=-1).max(dim=-1)
        return host(labels), host(probability)

    def squared_norms_of_sums(
        self, documents: Sequence[TextDocument], sums: Sequence[GrowingSum]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """One backward pass per document of each sum: its layers' gradients are not kept."""
        examples = self._final.examples(documents)
        for number, own in enumerate(sums):
            yield (
                number,
                np.stack(
                    [self._of_sum(checkpoint, examples, own) for checkpoint in self._checkpoints]
                ),
            )

    def _of_sum(
        self, model: TextModel, examples: Sequence[Example], own: GrowingSum
    ) -> NDArray[np.float64]:
        if own.refitted is not None:
            return np.array(
                [
                    self._lengths(model, examples, own.documents[: part.stop], weights, [part.stop])
                    for part, weights in zip(own.segments, own.refitted, strict=True)
                ]
            ).ravel()
        return np.array(self._lengths(model, examples, own.documents, own.weights, own.sizes))

    def _lengths(
        self,
        model: TextModel,
        examples: Sequence[Example],
        documents: Sequence[int],
        weights: Sequence[float] | NDArray[np.float64],
        sizes: Sequence[int],
    ) -> list[float]:
        """The squared length of the weighted sum after the first ``sizes`` documents (rising)."""
        chosen = [examples[index] for index in documents[: sizes[-1]]]
        scales = np.asarray(weights, np.float32)
        total = {name: torch.zeros_like(target) for name, target in self._targets.items()}
        names = tuple(self._targets)
        found = []
        for parts in _together(sizes, [len(example.token_ids) for example in chosen]):
            first = parts[0].start
            for indices in batches_by_length(chosen[first : parts[-1].stop], _TOKENS_PER_BATCH):
                places = np.array(indices) + first
                scale = torch.from_numpy(scales[places]).to(model.compute.device)
                _, layers = layer_passes(
                    model, names, self._labelled([chosen[at] for at in places])
                )
                # More than one part only where this batch is all there is of them.
                for part in parts:
                    rows = np.flatnonzero((part.start <= places) & (places < part.stop))
                    _add(total, layers, scale, rows)
                    if len(parts) > 1:
                        found.append(_squared_length(total))
            if len(parts) == 1:
                found.append(_squared_length(total))
        return found

    def _labelled(self, batch: list[Example]) -> list[Example]:
        labels, _ = self._labels(batch)
        return batch if labels is None else _with_labels(batch, labels)

    def _gradients(
        self, model: TextModel, batch: Sequence[Example]
    ) -> tuple[Tensor, LayerGradients]:
        """Losses summed over targets (n, nats), and the gradients of all layers together."""
        losses, layers = layer_passes(model, tuple(self._targets), batch)
        with torch.inference_mode():
            parts = [
                layer_gradients(
                    own.inputs, own.errors, self._targets[own.name], self._sketches[own.name]
                )
                for own in layers
            ]
        return losses, reduce(add, parts)


def _together(sizes: Sequence[int], lengths: Sequence[int]) -> Iterator[list[slice]]:
    """The documents added before each size, grouped: as many parts as fit into one batch.

    The first sizes add a document or two each, and a pass over so few takes as long as over many.
    """
    group: list[slice] = []
    for start, stop in zip((0, *sizes[:-1]), sizes, strict=True):
        first = group[0].start if group else start
        if group and (stop - first) * max(lengths[first:stop]) > _TOKENS_PER_BATCH:
            yield group
            group = []
        group.append(slice(start, stop))
    yield group


def _add(
    total: dict[str, Tensor],
    layers: Sequence[LayerPass],
    scale: Tensor,
    rows: NDArray[np.int64],
) -> None:
    """Add the gradients of a batch's documents ``rows``, each times its ``scale``."""
    with torch.inference_mode():
        for own in layers:
            scaled = (own.errors[rows] * scale[rows, None, None]).flatten(0, 1)
            total[own.name] += scaled.T @ own.inputs[rows].flatten(0, 1)


def _squared_length(total: dict[str, Tensor]) -> float:
    return sum(float(matrix.double().square().sum()) for matrix in total.values())


def _with_labels(batch: Sequence[Example], labels: NDArray[np.int64]) -> list[Example]:
    return [
        replace(example, label=label) for example, label in zip(batch, labels.tolist(), strict=True)
    ]
