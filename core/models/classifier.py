"""A model that gives a document one label, split into its last layer and what comes before.

Both kinds guarantee ``logits == hidden @ head().T`` exactly, so the gradient of the last layer
factors (ARCHITECTURE §2).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import InputError
from assay.core.models.causal_lm_parts import last_states, output_rows
from assay.core.models.examples import Example, TextDocument
from assay.core.models.logit_shape import LogitShape
from assay.core.models.text_model import TextModel, with_bias
from assay.core.runtime.device import Compute


class Classifier(TextModel):
    """A transformer, its tokenizer and the names of its C labels."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        label_names: Sequence[str],
        max_tokens: int,
        compute: Compute,
    ) -> None:
        super().__init__(model, tokenizer, max_tokens, compute)
        self.label_names = tuple(label_names)

    @abstractmethod
    def hidden(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What the last layer multiplies, (n × width of head), float32; differentiable."""

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n × C) and hidden (n × width), float32."""
        hidden = self.hidden(token_ids, attention_mask)
        return self.logits(hidden), hidden

    def examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        token_ids = self.tokenize([document.text for document in documents])
        return [
            Example(ids, document.label) for ids, document in zip(token_ids, documents, strict=True)
        ]

    def loss(self, examples: Sequence[Example]) -> Tensor:
        logits, _ = self.forward(*self.pad([example.token_ids for example in examples]))
        labels = torch.tensor([example.label for example in examples], device=logits.device)
        return functional.cross_entropy(logits, labels)

    def answers(self, examples: Sequence[Example]) -> tuple[Tensor, list[Tensor]]:
        logits, _ = self.forward(*self.pad([example.token_ids for example in examples]))
        labels = torch.tensor([-1 if e.label is None else e.label for e in examples])
        labels = labels.to(logits.device)
        losses = functional.cross_entropy(logits, labels, ignore_index=-1, reduction="none")
        losses = torch.where(labels < 0, torch.nan, losses)
        return losses, list(logits.argmax(dim=-1)[:, None])

    def logits_two_ways(self, texts: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        ids, mask = self.pad(self.tokenize(texts))
        ours, _ = self.forward(ids, mask)
        theirs = self.model(input_ids=ids, attention_mask=mask).logits
        return list(ours), list(self._own_logits(theirs, mask))

    def _own_logits(self, logits: Tensor, attention_mask: Tensor) -> Tensor:
        return logits


class SequenceClassifier(Classifier):
    """An ``AutoModelForSequenceClassification`` whose last layer is linear."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        label_names: Sequence[str],
        max_tokens: int,
        compute: Compute,
    ) -> None:
        super().__init__(model, tokenizer, label_names, max_tokens, compute)
        self.head_name, self._linear = last_linear(model, len(self.label_names))

    def head(self) -> Tensor:
        weight = self._linear.weight.float()
        bias = self._linear.bias
        return weight if bias is None else torch.cat([weight, bias.float()[:, None]], dim=1)

    def last_layer(self) -> nn.Module:
        return self._linear

    def hidden(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        seen: list[Tensor] = []
        hook = self._linear.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
        try:
            with self.compute.autocast():
                self.model(input_ids=token_ids, attention_mask=attention_mask)
        finally:
            hook.remove()
        hidden = seen[-1]
        if hidden.dim() == 3:
            hidden = hidden[torch.arange(len(hidden)), self._kept(token_ids)]
        hidden = hidden.float()
        return hidden if self._linear.bias is None else with_bias(hidden)

    def _kept(self, token_ids: Tensor) -> Tensor:
        """The position whose scores a decoder uses, found as in transformers' own classes.

        It is the last position that does not hold the configuration's padding token; padding may be
        on either side.
        """
        is_text = token_ids != self.model.config.get_text_config().pad_token_id
        return (torch.arange(token_ids.shape[1], device=token_ids.device) * is_text).argmax(dim=1)


class LabelWordClassifier(Classifier):
    """A causal LM that reads a document and is scored on the label word that follows.

    The paper's set-up (§5): softmax over the label words alone, at the position that predicts the
    label. Documents keep their first ``max_tokens`` tokens (the authors' code keeps the last).
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        label_names: Sequence[str],
        max_tokens: int,
        compute: Compute,
        label_words: Sequence[str] | None = None,
    ) -> None:
        super().__init__(model, tokenizer, label_names, max_tokens, compute)
        self.cap = LogitShape.of(model).cap
        self.label_words = tuple(label_words or letters(len(self.label_names)))
        self._label_ids = torch.tensor(self._ids_of_label_words(), device=compute.device)

    def head(self) -> Tensor:
        return output_rows(self.model)[self._label_ids]

    def last_layer(self) -> nn.Module:
        return self.model.get_output_embeddings()

    def hidden(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = last_states(self.model, self.compute, token_ids, attention_mask)
        return states[torch.arange(len(states)), attention_mask.sum(dim=1) - 1]

    def _own_logits(self, logits: Tensor, attention_mask: Tensor) -> Tensor:
        last = logits[torch.arange(len(logits)), attention_mask.sum(dim=1) - 1]
        return last[:, self._label_ids]

    def _ids_of_label_words(self) -> list[int]:
        if len(self.label_words) != len(self.label_names):
            raise InputError(
                f"{len(self.label_names)} label words, one per label",
                f"{len(self.label_words)}",
                "give one word per label",
            )
        ids = []
        for word in self.label_words:
            tokens = self.tokenizer(" " + word, add_special_tokens=False)["input_ids"]
            if len(tokens) != 1 or tokens[0] in ids:
                raise InputError(
                    "label words that are all different and one token each",
                    f"{word!r}, which is {len(tokens)} tokens or is repeated",
                    "choose other words with --label-words",
                )
            ids.append(tokens[0])
        return ids


def letters(n_labels: int) -> list[str]:
    """A, B, C …, the paper's label words."""
    if n_labels > 26:
        raise InputError(
            "at most 26 labels, since each gets a letter as its label word",
            f"{n_labels}",
            "give your own words with --label-words",
        )
    return [chr(ord("A") + label) for label in range(n_labels)]


def last_linear(model: nn.Module, n_labels: int) -> tuple[str, nn.Linear]:
    """Name and module of the linear layer that gives the logits; InputError without one."""
    linears = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == n_labels
    ]
    if not linears:
        raise InputError(
            "a classification model whose last layer is linear",
            f"{type(model).__name__}, which has no linear layer with {n_labels} outputs",
            "use a model with a plain linear head",
        )
    return linears[-1]
