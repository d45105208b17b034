"""Models that run at the same time, each on a core of its own, give what they give alone."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from support.tiny_models import documents, save_bert

from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, load_classifier
from assay.core.models.per_example_gradients import ClassifierGradients
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


@pytest.mark.parametrize("kind", [ClassifierGradients, EmbeddingGradients])
def test_gradients_are_the_same_to_the_last_bit(kind, tmp_path, monkeypatch):
    """Every row of every batch, with one core and with two."""
    texts = [TextDocument(text) for text in documents(90)[0]]
    base, final = (load_classifier(save_bert(tmp_path / f"{s}", s), 24, EXACT) for s in (0, 1))
    monkeypatch.setattr(
        "assay.core.models.per_example_gradients.GradientModels._tokens_per_batch", 300
    )
    monkeypatch.setattr("assay.core.models.embedding_gradients._TOKENS_PER_BATCH", 300)
    found = []
    for n_cores in ("1", "2"):
        monkeypatch.setenv("ASSAY_WORKERS", n_cores)
        found.append(list(kind(ModelPair(base, final)).of(texts)))
    assert torch.is_grad_enabled()
    assert len(found[0]) > 1
    for alone, together in zip(*found, strict=True):
        for field in fields(alone):
            np.testing.assert_equal(getattr(together, field.name), getattr(alone, field.name))


def test_embeddings_stand_at_their_texts_places(monkeypatch):
    """Shared out between two encoders, long and short texts get the vectors they get from one, to
    the last bit, so that an audit does not depend on how many cores there are."""
    texts = [f"Number {n}: " + "rain and snow. " * (n % 7) for n in range(80)]
    found = []
    for n_cores in ("1", "2"):
        monkeypatch.setenv("ASSAY_WORKERS", n_cores)
        found.append(Embedder(EXACT).embed(texts))
    np.testing.assert_array_equal(found[1], found[0])
    assert np.abs(found[0] - found[0][::-1]).max() > 0.01
