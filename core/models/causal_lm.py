"""A causal language model, scored on every next token of a document (SFT)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.models.causal_lm_parts import last_states, output_rows
from assay.core.models.examples import Example, TextDocument
from assay.core.models.logit_shape import LogitShape
from assay.core.models.text_model import TextModel, encoded
from assay.core.runtime.device import Compute

# Maximum number of logits in memory; a longer document is still scored whole.
_LOGITS_AT_A_TIME = 1 << 26


class LanguageModel(TextModel):
    """Token-level cross-entropy over every next token that is not part of the prompt.

    Documents are read as tokenized, without an end-of-text token at the end.
    """

    def __init__(self, model: Any, tokenizer: Any, max_tokens: int, compute: Compute) -> None:
        super().__init__(model, tokenizer, max_tokens, compute)
        self.cap = LogitShape.of(model).cap

    def head(self) -> Tensor:
        return output_rows(self.model)

    def last_layer(self) -> nn.Module:
        return self.model.get_output_embeddings()

    def states(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What the last layer multiplies, (n × tokens × width of head), float32."""
        return last_states(self.model, self.compute, token_ids, attention_mask)

    def examples(self, documents: Sequence[TextDocument]) -> list[Example]:
        if not documents:
            return []
        if not any(document.n_prompt_characters for document in documents):
            return [Example(ids) for ids in self.tokenize([d.text for d in documents])]
        made = encoded(
            self.tokenizer,
            [document.text for document in documents],
            self.max_tokens,
            return_offsets_mapping=True,
        )
        return [
            Example(ids, first_target=_first_target(offsets, document.n_prompt_characters))
            for ids, offsets, document in zip(
                made["input_ids"], made["offset_mapping"], documents, strict=True
            )
        ]

    def predicting(self, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """States before each target (Σ targets × width) and the target tokens (Σ targets)."""
        ids, mask = self.pad([example.token_ids for example in examples])
        states = self.states(ids, mask)
        parts = [
            (
                states[row, e.first_target - 1 : len(e.token_ids) - 1],
                ids[row, e.first_target : len(e.token_ids)],
            )
            for row, e in enumerate(examples)
        ]
        return torch.cat([hidden for hidden, _ in parts]), torch.cat([t for _, t in parts])

    def loss(self, examples: Sequence[Example]) -> Tensor:
        hidden, targets = self.predicting(examples)
        with self.compute.autocast():
            logits = self.logits(hidden)
        return functional.cross_entropy(logits.float(), targets)

    def answers(self, examples: Sequence[Example]) -> tuple[Tensor, list[Tensor]]:
        hidden, targets = self.predicting(examples)
        losses, choices = [], []
        at_a_time = max(1, _LOGITS_AT_A_TIME // len(self.head()))
        for states, wanted in zip(hidden.split(at_a_time), targets.split(at_a_time), strict=True):
            logits = self.logits(states)
            losses.append(functional.cross_entropy(logits, wanted, reduction="none"))
            choices.append(logits.argmax(dim=-1))
        lengths = [example.n_next_tokens for example in examples]
        of_documents = torch.cat(losses).split(lengths)
        return (
            torch.stack([loss.double().sum() for loss in of_documents]),
            list(torch.cat(choices).split(lengths)),
        )

    def logits_two_ways(self, texts: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        token_ids = self.tokenize(texts)
        ids, mask = self.pad(token_ids)
        ours = self.logits(self.states(ids, mask))
        theirs = self.model(input_ids=ids, attention_mask=mask).logits
        lengths = [len(own) for own in token_ids]
        return (
            [rows[:length] for rows, length in zip(ours, lengths, strict=True)],
            [rows[:length] for rows, length in zip(theirs, lengths, strict=True)],
        )


def _first_target(offsets: Sequence[tuple[int, int]], n_prompt_characters: int) -> int:
    """The first token that begins in the response; special tokens count as prompt."""
    for position, (start, end) in enumerate(offsets):
        if position and end > start and start >= n_prompt_characters:
            return position
    return max(1, len(offsets))
