"""Sampling in which every row of a batch follows its own seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from assay.core.specs.model_calls import Call, Sampling


class SeededSampling(LogitsProcessor):
    """Makes greedy decoding sample as each row's ``Sampling`` says, in llama.cpp's order.

    The largest of the logits plus Gumbel noise is a sample from their softmax (Gumbel-max), and
    each row has its own noise generator. So a row's samples depend neither on the other rows nor on
    their number. Stores each sampled token's log-probability under the untempered model in
    ``logprobs`` (one list per row).
    """

    def __init__(self, calls: Sequence[Call], vocabulary_size: int) -> None:
        self._calls = calls
        self._generators = [torch.Generator().manual_seed(call.seed) for call in calls]
        self._size = vocabulary_size
        self.logprobs: list[list[float]] = [[] for _ in calls]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        chosen = torch.full_like(scores, -torch.inf)
        plain = scores.float().log_softmax(dim=-1)
        for row, call in enumerate(self._calls):
            token = self._draw(scores[row].float().cpu(), call, self._generators[row])
            chosen[row, token] = 0
            self.logprobs[row].append(float(plain[row, token]))
        return chosen

    def _draw(self, logits: Tensor, call: Call, generator: torch.Generator) -> int:
        noise = torch.rand(self._size, generator=generator, dtype=torch.float64)
        if call.sampling.temperature == 0:
            return int(logits.argmax())
        kept = _likely(logits, call.sampling) / call.sampling.temperature
        gumbel = -torch.log(-torch.log(noise.clamp(min=1e-300)))
        return int((kept.double() + gumbel[: len(kept)]).argmax())


def _likely(logits: Tensor, sampling: Sampling) -> Tensor:
    """Logits, with the excluded tokens at −inf."""
    if 0 < sampling.top_k < len(logits):
        least = logits.topk(sampling.top_k).values[-1]
        logits = logits.masked_fill(logits < least, -torch.inf)
    logits = _nucleus(logits, sampling.top_p)
    if sampling.min_p:
        least = logits.max() + math.log(sampling.min_p)
        logits = logits.masked_fill(logits < least, -torch.inf)
    return logits


def _nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Logits, with −inf for all but the likeliest tokens that together reach ``top_p``."""
    if top_p >= 1:
        return logits
    ordered, order = logits.sort(descending=True)
    probabilities = ordered.softmax(dim=-1)
    # The token that crosses the threshold is kept.
    outside = probabilities.cumsum(dim=-1) - probabilities >= top_p
    kept = logits.clone()
    kept[order[outside]] = -torch.inf
    return kept
