"""Sentence embeddings of documents, for transport distances and maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from assay.core.models.locate import builtin_minilm
from assay.core.models.pretrained import load_sentence_encoder
from assay.core.runtime.device import Compute

MAX_TOKENS = 128


class Embedder:
    """all-MiniLM-L6-v2, mean-pooled, unit length, documents cut after 128 tokens."""

    def __init__(self, compute: Compute) -> None:

        self._compute = compute
        self._model = load_sentence_encoder(builtin_minilm(), compute.device)
        self._model.max_seq_length = MAX_TOKENS

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (n × 384) float32."""
        with torch.inference_mode(), self._compute.autocast():
            vectors = self._model.encode(
                list(texts),
                normalize_embeddings=True,
                convert_to_numpy=False,
                convert_to_tensor=True,
                show_progress_bar=False,
            )
        return vectors.float().cpu().numpy()
