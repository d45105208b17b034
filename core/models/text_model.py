"""A transformer with its tokenizer, as training and audits use it for any task."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import InputError
from assay.core.models.examples import Example, Predictions, TextDocument
from assay.core.models.logit_shape import LogitShape
from assay.core.models.split_model import Split, gather, split, without_hooks
from assay.core.runtime.device import Compute

TOKENS_PER_BATCH = 8192
# Which documents, and these as a model reads them.
Batches = Iterator[tuple[list[int], list[Example]]]


@dataclass(frozen=True)
class Tokenization:
    """How a model tokenizes text and which answers it gives; kept when its weights are freed."""

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
    (ARCHITECTURE §2).

    With a ``cap``, a soft cap is applied after that. ``label_names``: the answers of a classifier,
    none otherwise.
    """

    label_names: tuple[str, ...] = ()
    cap: float | None = None

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int, compute: Compute) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.compute = compute
        self._padding = set_padding(model, tokenizer)
        self._n_positions = n_positions(model)
        self.split: Split | None = None
        self.move_to(compute.device)

    @abstractmethod
    def head(self) -> Tensor:
        """The last layer, (rows × d) or (rows × d+1) with its bias as the last column, float32."""

    @abstractmethod
    def last_layer(self) -> nn.Module:
        """The module that contains the weights of ``head``, all or part."""

    @abstractmethod
    def examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        """Documents as this model reads them, cut after ``max_tokens``."""

    @abstractmethod
    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Mean cross-entropy over all targets of a batch, nats; differentiable."""

    @abstractmethod
    def answers(self, examples: Sequence[Example]) -> tuple[Tensor, list[Tensor]]:
        """For a batch: each document's summed loss (n, nats) and its likeliest answers."""

    @abstractmethod
    def logits_two_ways(self, texts: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        """A batch's logits, one tensor per text without its padding.

        Once as head × hidden, and once as the model itself returns them.
        """

    def logits(self, hidden: Tensor) -> Tensor:
        """The model's logits, from what its last layer multiplies."""
        return LogitShape(cap=self.cap).logits(hidden @ self.head().T)

    def predict(
        self,
        examples: Sequence[Example],
        after_batch: Callable[[int], None] = lambda n_documents: None,
    ) -> Predictions:
        """The model's predictions for ``examples``, in order."""
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
        """What is needed of this model where its weights are not."""
        return Tokenization(self.tokenizer, self.max_tokens, self.label_names)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, cut after ``max_tokens``."""
        return self.tokenization.tokenize(texts)

    def pad_as(self, other: TextModel) -> None:
        """Pad batches as another model does, so that both can read the same ones."""
        self._padding = other._padding
        self.model.config.get_text_config().pad_token_id = other._padding

    def move_to(self, device: str) -> None:
        """Keep the weights on that device; they must be on ``compute.device`` to be used.

        ``compute.device`` may stand for several, which a model that it cannot hold is split over.
        """
        self.gather()
        if self.compute.rooms is None or device != self.compute.device:
            self.model.to(device)
        elif next(self.model.parameters()).device.type == "cpu":
            self.split = split(self.model, self.compute)

    def gather(self) -> None:
        """If the model is split, bring its weights together in the processor's memory."""
        if self.split is not None:
            gather(self.model)
            self.split = None

    def parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter with its name, on ``compute.device``, whatever device it is kept on."""
        for name, _ in self.model.named_parameters():
            yield name, self.parameter(name)

    def parameter(self, name: str) -> Tensor:
        """One of them, without a gradient."""
        value = self.model.get_parameter(name).detach()
        if value.is_meta and self.split is not None:
            value = self.split.kept[name]
        return value.to(self.compute.device)

    def copied(self, value_of: Callable[[str], Tensor] | None = None) -> Self:
        """A copy on the same device or, where there are several, on those with room for it.

        ``value_of``: a parameter's new values, which the copy may keep.
        """
        may_split = self.compute.rooms is not None
        if value_of is None and not may_split:
            return copy.deepcopy(self)
        replaced: dict[int, Any] = {}
        for name, parameter in self.model.named_parameters():
            value = self.parameter(name).clone() if value_of is None else value_of(name)
            value = value.to("cpu") if may_split else value
            replaced[id(parameter)] = nn.Parameter(value, parameter.requires_grad)
        if not may_split:
            return copy.deepcopy(self, replaced)
        # This model's split and hooks hold its weights.
        replaced |= {id(self.split): None, **without_hooks(self.model)}
        made = copy.deepcopy(self, replaced)
        gather(made.model)
        made.move_to(made.compute.device)
        return made

    def pad(self, token_ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Right-padded ids and attention mask, (n × longest) int64, on the model's device.

        InputError if a document has more tokens than the model has positions.
        """
        longest = max(len(ids) for ids in token_ids)
        if self._n_positions is not None and longest > self._n_positions:
            raise InputError(
                f"documents of at most {self._n_positions:,} tokens, the model's context length",
                f"one of {longest:,}",
                f"set --max-tokens to {self._n_positions}",
            )
        padded = [[*ids, *[self._padding] * (longest - len(ids))] for ids in token_ids]
        mask = [[1] * len(ids) + [0] * (longest - len(ids)) for ids in token_ids]
        device = self.compute.device
        return torch.tensor(padded, device=device), torch.tensor(mask, device=device)


@contextmanager
def cut_after(model: TextModel, n_tokens: int) -> Iterator[None]:
    """Let a model read other than its usual number of tokens of each document."""
    before, model.max_tokens = model.max_tokens, n_tokens
    try:
        yield
    finally:
        model.max_tokens = before


def encoded(
    tokenizer: Any, texts: Sequence[str], max_tokens: int, **options: Any
) -> dict[str, list[Any]]:
    """The tokenizer's output for texts, cut after ``max_tokens``.

    A chat template may have written special tokens at the beginning of a text, which the tokenizer
    would add again: such a text is tokenized as it is.
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


def set_padding(model: Any, tokenizer: Any) -> int:
    """Set the token that pads batches, also in the model's configuration if that has none.

    If the configuration names a row of the embeddings, it decides: positions and a document's last
    token are found by that token, whatever the tokenizer uses.
    """
    config = model.config.get_text_config()
    n_rows = model.get_input_embeddings().weight.shape[0]
    for padding in (config.pad_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, 0):
        if isinstance(padding, int) and 0 <= padding < n_rows:
            break
    config.pad_token_id = padding
    return padding


def n_positions(model: Any) -> int | None:
    """The maximum number of tokens that a model can read; None without a limit."""
    limits = [getattr(model.config.get_text_config(), "max_position_embeddings", None)]
    limits += [
        # RoBERTa and similar models count positions from after the padding token's number.
        module.num_embeddings - module.padding_idx - 1
        for name, module in model.named_modules()
        if name.endswith("position_embeddings")
        and isinstance(module, nn.Embedding)
        and module.padding_idx is not None
    ]
    known = [limit for limit in limits if isinstance(limit, int) and limit > 0]
    return min(known, default=None)


def with_bias(hidden: Tensor) -> Tensor:
    """Hidden states with a last column of ones, which a head's bias column multiplies."""
    return functional.pad(hidden, (0, 1), value=1.0)


def batches_by_length(
    examples: Sequence[Example], n_tokens: int = TOKENS_PER_BATCH
) -> Iterator[list[int]]:
    """Positions of documents, grouped by similar length to reduce padding.

    Longest first: if memory is too small, the first batch shows it.
    """
    order = sorted(range(len(examples)), key=lambda index: -len(examples[index].token_ids))
    start = 0
    while start < len(order):
        longest = max(1, len(examples[order[start]].token_ids))
        indices = order[start : start + max(1, n_tokens // longest)]
        yield indices
        start += len(indices)


def example_batches(examples: Sequence[Example], n_tokens: int = TOKENS_PER_BATCH) -> Batches:
    """The same batches, each with its examples."""
    for indices in batches_by_length(examples, n_tokens):
        yield indices, [examples[index] for index in indices]
