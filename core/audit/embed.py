"""Sentence embeddings of documents, for transport distances and maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from core.device import Compute
from core.models.resolve import builtin_minilm
from core.progress import Progress

_MAX_TOKENS = 128
_DOCUMENTS_A_CALL = 512


class Embedder:
    """all-MiniLM-L6-v2, mean-pooled, unit length, documents cut after 128 tokens."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._model = SentenceTransformer(
            str(builtin_minilm()), device=compute.device, local_files_only=True
        )
        self._model.max_seq_length = _MAX_TOKENS

    def embed(self, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
        """Unit vectors, (n × 384) float32."""
        parts = []
        for start in range(0, len(texts), _DOCUMENTS_A_CALL):
            part = list(texts[start : start + _DOCUMENTS_A_CALL])
            with torch.inference_mode(), self._compute.autocast():
                vectors = self._model.encode(
                    part,
                    normalize_embeddings=True,
                    convert_to_numpy=False,
                    convert_to_tensor=True,
                    show_progress_bar=False,
                )
            parts.append(vectors.float().cpu().numpy())
            progress.advance(len(part))
        return np.concatenate(parts)
