"""What a pair of language models predicts for every target token of a document."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.core.models.causal_lm import LanguageModel
from assay.core.models.examples import Example, TextDocument
from assay.core.models.text_model import example_batches
from assay.core.stats.membership_scores import TokenEvidence

# Maximum number of logits in memory, per model.
_MAX_FLOATS = 1 << 25


def token_evidence(
    base: LanguageModel, final: LanguageModel, documents: Sequence[TextDocument]
) -> Iterator[list[tuple[int, TokenEvidence]]]:
    """Batches of (which document, its evidence); every document comes exactly once."""
    for indices, batch in example_batches(final.examples(documents)):
        yield list(zip(indices, evidence_of_batch(base, final, batch), strict=True))


@torch.inference_mode()
def evidence_of_batch(
    base: LanguageModel, final: LanguageModel, batch: Sequence[Example]
) -> list[TokenEvidence]:
    """The evidence of each document of one batch, in its order."""
    return list(_of_batch(base, final, batch))


def _of_batch(
    base: LanguageModel, final: LanguageModel, batch: Sequence[Example]
) -> Iterator[TokenEvidence]:
    states, targets = final.predicting(batch)
    base_states, _ = base.predicting(batch)
    at_a_time = max(1, _MAX_FLOATS // len(final.head()))
    parts = [
        [*_final_says(final.logits(rows), own), _own(_log(base.logits(base_rows)), own)]
        for rows, base_rows, own in zip(
            states.split(at_a_time),
            base_states.split(at_a_time),
            targets.split(at_a_time),
            strict=True,
        )
    ]
    lengths = [example.n_next_tokens for example in batch]
    columns = [torch.cat(column).split(lengths) for column in zip(*parts, strict=True)]
    for example, logp, mean, deviation, is_error, base_logp in zip(batch, *columns, strict=True):
        scored = final.tokenizer.decode(example.token_ids[example.first_target :])
        yield TokenEvidence(
            base=_host(base_logp),
            final=_host(logp),
            mean=_host(mean),
            deviation=_host(deviation),
            is_error=is_error.cpu().numpy(),
            n_compressed=len(zlib.compress(scored.encode())),
        )


def _final_says(logits: Tensor, targets: Tensor) -> list[Tensor]:
    logs = _log(logits)
    chances = logs.exp()
    mean = (chances * logs).sum(-1)
    variance = (chances * logs**2).sum(-1) - mean**2
    return [_own(logs, targets), mean, variance.clamp(min=0).sqrt(), logs.argmax(-1) != targets]


def _log(logits: Tensor) -> Tensor:
    return logits - logits.logsumexp(dim=-1, keepdim=True)


def _own(logs: Tensor, targets: Tensor) -> Tensor:
    return logs.gather(1, targets[:, None])[:, 0]


def _host(values: Tensor) -> NDArray[np.float64]:
    return values.double().cpu().numpy()
