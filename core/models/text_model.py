"""A transformer with its tokenizer, as training and audits see it, whatever its task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.models.examples import Example, Predictions, TextDocument
from assay.core.runtime.device import Compute

_TOKENS_PER_BATCH = 8192


@dataclass(frozen=True)
class Tokenization:
    """How a model reads text and what it answers with, kept when its weights are let go."""

    tokenizer: Any
    max_tokens: int
    label_names: tuple[str, ...]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, cut after ``max_tokens``."""
        if not texts:
            return []
        return encoded(self.tokenizer, texts, self.max_tokens)["input_ids"]


class TextModel(ABC):
    """A model whose logits are exactly ``hidden @ head().T``, so that last-layer gradients factor
    (ARCHITECTURE §2). ``label_names``: the answers of a classifier, none otherwise."""

    label_names: tuple[str, ...] = ()

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int, compute: Compute) -> None:
        self.model = model.to(compute.device).eval()
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.compute = compute

    @abstractmethod
    def head(self) -> Tensor:
        """The last layer, (rows × d) or (rows × d+1) with its bias as the last column, float32."""

    @abstractmethod
    def last_layer(self) -> nn.Module:
        """The module whose weights ``head`` are, in whole or in part."""

    @abstractmethod
    def examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        """Documents as this model reads them, cut after ``max_tokens``."""

    @abstractmethod
    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Mean cross-entropy over all targets of a batch, nats; differentiable."""

    @abstractmethod
    def answers(self, examples: Sequence[Example]) -> tuple[Tensor, list[Tensor]]:
        """Of a batch: each document's summed loss (n, nats) and its likeliest answers."""

    @abstractmethod
    def logits_two_ways(self, text: str) -> tuple[Tensor, Tensor]:
        """The logits of a text as head × hidden, and as the model itself gives them."""

    def predict(
        self,
        examples: Sequence[Example],
        after_batch: Callable[[int], None] = lambda n_documents: None,
    ) -> Predictions:
        """What the model says of ``examples``, in their order."""
        losses = np.zeros(len(examples))
        choices: list[Any] = [None] * len(examples)
        with torch.inference_mode():
            for indices in batches_by_length(examples):
                loss, chosen = self.answers([examples[index] for index in indices])
                losses[indices] = loss.double().cpu().numpy()
                for index, answer in zip(indices, chosen, strict=True):
                    choices[index] = answer.cpu().numpy()
                after_batch(len(indices))
        return Predictions(
            losses, np.array([len(c) for c in choices], np.int64), np.concatenate(choices)
        )

    @property
    def tokenization(self) -> Tokenization:
        """What of this model is needed where its weights are not."""
        return Tokenization(self.tokenizer, self.max_tokens, self.label_names)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, cut after ``max_tokens``."""
        return self.tokenization.tokenize(texts)

    def move_to(self, device: str) -> None:
        """Keep the weights there; they must be on ``compute.device`` to be used."""
        self.model.to(device)

    def pad(self, token_ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Right-padded ids and attention mask, (n × longest) int64, on the model's device."""
        padding = self.tokenizer.pad_token_id or 0
        longest = max(len(ids) for ids in token_ids)
        padded = [[*ids, *[padding] * (longest - len(ids))] for ids in token_ids]
        mask = [[1] * len(ids) + [0] * (longest - len(ids)) for ids in token_ids]
        device = self.compute.device
        return torch.tensor(padded, device=device), torch.tensor(mask, device=device)


def encoded(
    tokenizer: Any, texts: Sequence[str], max_tokens: int, **options: Any
) -> dict[str, list[Any]]:
    """What the tokenizer makes of texts, cut after ``max_tokens``.

    A chat template may have written what a text begins with, which the tokenizer would then add a
    second time: such a text is taken as written.
    """
    begin = tokenizer.bos_token
    is_whole = [bool(begin) and text.startswith(begin) for text in texts]
    found: dict[str, list[Any]] = {}
    for whole in set(is_whole):
        places = [place for place, own in enumerate(is_whole) if own is whole]
        made = tokenizer(
            [texts[place] for place in places],
            truncation=True,
            max_length=max_tokens,
            add_special_tokens=not whole,
            **options,
        )
        for name in made:
            values = found.setdefault(name, [None] * len(texts))
            for place, value in zip(places, made[name], strict=True):
                values[place] = value
    return found


def with_bias(hidden: Tensor) -> Tensor:
    """Hidden states with a last column of ones, which a head's bias column multiplies."""
    return functional.pad(hidden, (0, 1), value=1.0)


def batches_by_length(
    examples: Sequence[Example], n_tokens: int = _TOKENS_PER_BATCH
) -> Iterator[list[int]]:
    """Positions of documents of similar length together, so that little is padded.

    Longest first: if memory does not suffice, the first batch says so.
    """
    order = sorted(range(len(examples)), key=lambda index: -len(examples[index].token_ids))
    start = 0
    while start < len(order):
        longest = max(1, len(examples[order[start]].token_ids))
        indices = order[start : start + max(1, n_tokens // longest)]
        yield indices
        start += len(indices)
