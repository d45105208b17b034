"""A corpus of several batches, and pairs of language models, for work that is divided."""

from __future__ import annotations

import json
import shutil

import torch
from safetensors.torch import load_file, save_file
from support.tiny_models import documents

# Gradients of 24 tokens a document take three batches, embedding gradients twelve.
N_DOCUMENTS = 700


def long_corpus(folder):
    """A file of N_DOCUMENTS different documents, most of them of more than 20 words."""
    words = documents(3 * N_DOCUMENTS, seed=23)[0]
    texts = [f"{' '.join(words[3 * n : 3 * n + 3])} rain" for n in range(N_DOCUMENTS)]
    assert len(set(texts)) == N_DOCUMENTS
    file = folder / "long.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return file


def nudged(base, folder):
    """A final model without training: every weight of ``base`` moved a little, always the same."""
    shutil.copytree(base, folder)
    generator = torch.Generator().manual_seed(0)
    weights = load_file(base / "model.safetensors")
    moved = {
        name: weight + 0.02 * torch.randn(weight.shape, generator=generator)
        for name, weight in weights.items()
    }
    save_file(moved, folder / "model.safetensors", {"format": "pt"})
    return folder
