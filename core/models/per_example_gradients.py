"""A model pair's per-example gradients, one batch of documents after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from assay.core.gradients.all_tokens import TensorSketch, TokenGradients, token_gradients
from assay.core.gradients.features import FactoredGradients
from assay.core.gradients.growing_sums import (
    GrowingSum,
    TokenStates,
    squared_norms_of_factors,
    squared_norms_of_sums,
)
from assay.core.gradients.last_layer import logit_errors, weight_difference_target
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.classifier import Classifier
from assay.core.models.examples import Example, TextDocument
from assay.core.models.loading import ModelPair, interpolated
from assay.core.models.text_model import (
    TOKENS_PER_BATCH,
    Batches,
    TextModel,
    batches_by_length,
    example_batches,
)
from assay.core.runtime.parallel import side_by_side

# Logits in one chunk: 256 MiB.
_MAX_FLOATS = 1 << 26
# Hidden states kept in memory while sums are computed: 2 GiB.
_MAX_STATES = 1 << 29


@dataclass(frozen=True)
class GradientRows:
    """The gradients of n documents, and the scores from the same forward passes.

    indices: which documents. base_loss (n, float32): nats per target under the base model.
    alignment ⟨g, target⟩ and squared_norms ‖g‖² (n × J, float64), exact. arrays: name → (n × width,
    float32), needed for products between documents. Classification only: pseudolabel (n, int64) and
    its final_probability (n, float32).
    """

    indices: NDArray[np.int64]
    base_loss: NDArray[np.float32]
    alignment: NDArray[np.float64]
    squared_norms: NDArray[np.float64]
    arrays: dict[str, NDArray[np.float32]]
    pseudolabel: NDArray[np.int64] | None = None
    final_probability: NDArray[np.float32] | None = None


class GradientModels(ABC):
    """The checkpoints θ_0 … θ_{J−1} whose gradients are taken, and their targets."""

    _tokens_per_batch = TOKENS_PER_BATCH

    def __init__(self, pair: ModelPair, n_checkpoints: int) -> None:
        self._checkpoints = [
            interpolated(pair.base, pair.final, step / n_checkpoints)
            for step in range(n_checkpoints)
        ]

    @property
    def target_norms(self) -> NDArray[np.float64]:
        """‖base − final‖ of the layers whose gradients are taken, for every checkpoint, (J).

        θ_final − θ_j has the same direction for every j and is only shorter, so one target serves
        all.
        """
        return np.full(len(self._checkpoints), self._target_norm)

    @property
    @abstractmethod
    def _target_norm(self) -> float: ...

    @property
    def stored_targets(self) -> NDArray[np.float32] | None:
        """The targets themselves (J × C × d), if they are small enough to store."""
        return None

    def of(self, documents: Sequence[TextDocument]) -> Iterator[GradientRows]:
        """Rows of ``documents`` in batches of similar length; every index comes exactly once."""
        for indices, batch in self.batches(documents):
            yield replace(self.of_batch(batch), indices=np.asarray(indices))

    def batches(self, documents: Sequence[TextDocument]) -> Batches:
        """The batches of ``of``."""
        return example_batches(self._examples(documents), self._tokens_per_batch)

    @abstractmethod
    def of_batch(self, batch: Sequence[Example]) -> GradientRows:
        """Rows of one batch, in its order."""

    @abstractmethod
    def _examples(self, documents: Sequence[TextDocument]) -> list[Example]: ...

    @abstractmethod
    def squared_norms_of_sums(
        self, documents: Sequence[TextDocument], sums: Sequence[GrowingSum]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yields each sum's number and its exact ‖Σ w_i g_i‖² at each size, (J × sizes)."""

    def cosine_of_sum(self, documents: Sequence[TextDocument]) -> float:
        """Exact cosine of the documents' summed gradient with the target, mean over checkpoints."""
        n = len(documents)
        alignment = np.zeros((len(self._checkpoints), n))
        for rows in self.of(documents):
            alignment[:, rows.indices] = rows.alignment.T
        whole = GrowingSum(tuple(range(n)), (1.0,) * n, (n,))
        ((_, squared_norms),) = self.squared_norms_of_sums(documents, [whole])
        return float(whole.cosines(squared_norms, alignment, self.target_norms)[0])


class LastLayerGradients(GradientModels):
    """Gradients of the last layer, in closed form."""

    def __init__(self, pair: ModelPair, n_checkpoints: int) -> None:
        super().__init__(pair, n_checkpoints)
        with torch.inference_mode():
            self._target = weight_difference_target(pair.initial_head(), pair.final.head())

    @property
    def _target_norm(self) -> float:
        return float(self._target.double().norm())


@torch.inference_mode()  # a thread has a mode of its own
def _forward(model: TextModel, token_ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(model, Classifier)
    return model.forward(token_ids, mask)


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

    def _examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        return self._final.examples(documents)

    @torch.inference_mode()
    def of_batch(self, batch: Sequence[Example]) -> GradientRows:
        padded, mask = self._final.pad([example.token_ids for example in batch])
        models = [self._final, *self._checkpoints]
        (final_logits, _), *outputs = side_by_side(
            [partial(_forward, model, padded, mask) for model in models],
            self._final.compute.device,
        )
        labels = final_logits.argmax(dim=-1)
        pairs = [
            (logit_errors(logits, labels, self._final.cap), hidden) for logits, hidden in outputs
        ]
        probability = final_logits.softmax(dim=-1).gather(1, labels[:, None])[:, 0]
        return GradientRows(
            indices=np.arange(len(batch)),
            base_loss=host(functional.cross_entropy(outputs[0][0], labels, reduction="none")),
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

    def squared_norms_of_sums(
        self, documents: Sequence[TextDocument], sums: Sequence[GrowingSum]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        rows = list(self.of(documents))
        order = np.argsort(np.concatenate([own.indices for own in rows]))
        errors, hidden = (
            np.stack(
                [
                    np.concatenate([own.arrays[f"{name}:{step}"] for own in rows])[order]
                    for step in range(len(self._checkpoints))
                ]
            )
            for name in ("errors", "hidden")
        )
        factors = FactoredGradients(errors, hidden, self.stored_targets)
        for number, own in enumerate(sums):
            yield number, squared_norms_of_factors(factors, own)

    def _alignment(self, errors: Tensor, hidden: Tensor) -> Tensor:
        return torch.linalg.vecdot(errors.double(), (hidden @ self._target.T).double())


class LanguageGradients(LastLayerGradients):
    """Σ_t δ_t ⊗ h_t over a document's target tokens, exact norm and alignment, projected products.

    arrays: ``projected:j`` (n × k) of each checkpoint, whose inner products are estimates.
    """

    def __init__(self, pair: ModelPair, n_checkpoints: int, dimension: int, seed: int) -> None:
        super().__init__(pair, n_checkpoints)
        self._sketch = TensorSketch.draw(
            seed, dimension, self._target.shape, str(self._target.device)
        )

    def _examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        return self._checkpoints[0].examples(documents)

    @torch.inference_mode()
    def of_batch(self, batch: Sequence[Example]) -> GradientRows:
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
                    self._sketch,
                    _MAX_FLOATS,
                    checkpoint.cap,
                )
            )
        return GradientRows(
            indices=np.arange(len(batch)),
            base_loss=(host(outputs[0].losses) / np.maximum(lengths, 1)).astype("f4"),
            alignment=columns([output.alignment for output in outputs]),
            squared_norms=columns([output.squared_norms for output in outputs]),
            arrays={
                f"projected:{step}": host(output.projected) for step, output in enumerate(outputs)
            },
        )

    def squared_norms_of_sums(
        self, documents: Sequence[TextDocument], sums: Sequence[GrowingSum]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Sums are computed together as long as their documents' states fit in memory."""
        examples = self._checkpoints[0].examples(documents)
        width = self._target.shape[1]
        sizes = [example.n_next_tokens * width for example in examples]
        for numbers in _taken_together(sums, sizes):
            used = sorted({document for number in numbers for document in sums[number].documents})
            own = [examples[index] for index in used]
            batches = list(batches_by_length(own))
            place = {used[index]: at for at, index in enumerate(chain(*batches))}
            renumbered = [
                replace(sums[number], documents=tuple(place[i] for i in sums[number].documents))
                for number in numbers
            ]
            with torch.inference_mode():
                found = [
                    self._of_sums(checkpoint, own, batches, renumbered)
                    for checkpoint in self._checkpoints
                ]
            for number, steps in zip(numbers, zip(*found, strict=True), strict=True):
                yield number, np.stack(steps)

    def _of_sums(
        self,
        checkpoint: TextModel,
        examples: Sequence[Example],
        batches: Sequence[Sequence[int]],
        sums: Sequence[GrowingSum],
    ) -> list[NDArray[np.float64]]:
        assert isinstance(checkpoint, LanguageModel)
        head = checkpoint.head()
        at_a_time = max(1, _MAX_FLOATS // len(head))
        states = []
        for indices in batches:
            batch = [examples[index] for index in indices]
            hidden, targets = checkpoint.predicting(batch)
            lengths = [example.n_next_tokens for example in batch]
            states.append(TokenStates.of(hidden, targets, lengths, head, checkpoint.cap, at_a_time))
        return squared_norms_of_sums(states, sums, head, _MAX_FLOATS // 2, checkpoint.cap)


def _taken_together(sums: Sequence[GrowingSum], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of sums whose documents together have at most ``_MAX_STATES`` state values."""
    together: list[int] = []
    used: set[int] = set()
    for number, own in enumerate(sums):
        grown = used | set(own.documents)
        if together and sum(sizes[document] for document in grown) > _MAX_STATES:
            yield together
            together, grown = [], set(own.documents)
        together.append(number)
        used = grown
    if together:
        yield together


def host(values: Tensor) -> NDArray:
    """A tensor as an array in this machine's memory."""
    return values.cpu().numpy()


def columns(values: Sequence[Tensor]) -> NDArray[np.float64]:
    """One column (n) per checkpoint, as (n × J)."""
    return host(torch.stack([value.double() for value in values], dim=1))
