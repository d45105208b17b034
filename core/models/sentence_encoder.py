"""Sentence embeddings of documents, for transport distances and maps."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.core.models.locate import builtin_minilm
from assay.core.models.pretrained import load_sentence_encoder
from assay.core.runtime.device import Compute
from assay.core.runtime.parallel import n_side_by_side, side_by_side

MAX_TOKENS = 128
# Texts that an encoder reads together.
_BATCH = 32


class Embedder:
    """all-MiniLM-L6-v2, mean-pooled, unit length, documents cut after 128 tokens."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        first = load_sentence_encoder(builtin_minilm(), compute.device)
        first.max_seq_length = MAX_TOKENS
        # A tokenizer cannot be used by two threads.
        more = [copy.deepcopy(first) for _ in range(n_side_by_side(compute.device) - 1)]
        self._encoders = [first, *more]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (n × 384) float32; the same however many encoders share the work."""
        if not texts:
            return self._embed(self._encoders[0], [])
        by_length = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        batches = [by_length[at : at + _BATCH] for at in range(0, len(texts), _BATCH)]
        n_parts = min(len(self._encoders), len(batches))
        # Every part gets short and long texts, so that all end at about the same time.
        parts = [batches[at::n_parts] for at in range(n_parts)]
        found = side_by_side(
            [
                partial(self._embed_batches, encoder, texts, part)
                for encoder, part in zip(self._encoders, parts, strict=False)
            ],
            self._compute.device,
        )
        vectors = np.empty((len(texts), found[0].shape[1]), np.float32)
        for part, own in zip(parts, found, strict=True):
            vectors[list(chain(*part))] = own
        return vectors

    def _embed_batches(
        self, encoder: Any, texts: Sequence[str], batches: Sequence[Sequence[int]]
    ) -> NDArray[np.float32]:
        return np.concatenate(
            [self._embed(encoder, [texts[index] for index in batch]) for batch in batches]
        )

    def _embed(self, encoder: Any, texts: list[str]) -> NDArray[np.float32]:
        with torch.inference_mode(), self._compute.autocast():
            vectors = encoder.encode(
                texts,
                normalize_embeddings=True,
                convert_to_numpy=False,
                convert_to_tensor=True,
                show_progress_bar=False,
            )
        return vectors.float().cpu().numpy()
