"""Gradients of input embeddings in a few numbers."""

from __future__ import annotations

import torch

from assay.core.gradients.embedding_sketch import N_BUCKETS, N_DIRECTIONS, EmbeddingSketch


def drawn(seed, n_tokens, n_rows=40, width=24):
    generator = torch.Generator().manual_seed(seed)
    documents = torch.arange(n_rows) % 4
    tokens = torch.randint(n_tokens, (n_rows,), generator=generator)
    return torch.randn(n_rows, width, generator=generator), tokens, documents


def dense(gradients, tokens, documents, n_tokens, n=4):
    whole = torch.zeros(n, n_tokens, gradients.shape[1])
    whole.index_put_((documents, tokens), gradients, accumulate=True)
    return whole.reshape(n, -1)


def test_products_of_sketches_estimate_those_of_gradients():
    """Over many gradients the estimates are right on average, and err as little as a projection to
    so few dimensions can."""
    sketch, errors, sizes = EmbeddingSketch.draw(300, 24, "cpu"), [], []
    for seed in range(200):
        gradients, tokens, documents = drawn(seed, 300)
        small = sketch.of(gradients, tokens, documents, 4)
        whole = dense(gradients, tokens, documents, 300)
        assert small.shape == (4, N_BUCKETS * N_DIRECTIONS)
        errors.append((small @ small.T - whole @ whole.T)[0, 1:])
        sizes.append(float(whole[0].norm() * whole[1].norm()))
    errors = torch.stack(errors)
    size = sum(sizes) / len(sizes)
    assert abs(float(errors.mean())) < 0.02 * size
    assert float(errors.std()) < 0.1 * size


def test_a_sketch_is_linear_and_sums_repeats():
    """Rows of one token of one document add up, and another document's change nothing."""
    sketch = EmbeddingSketch.draw(50, 24, "cpu")
    gradients, tokens, documents = drawn(1, 50)
    found = sketch.of(gradients, tokens, documents, 4)
    doubled = sketch.of(gradients.repeat(2, 1), tokens.repeat(2), documents.repeat(2), 4)
    assert torch.allclose(doubled, 2 * found, atol=1e-4)
    own = documents == 2
    alone = sketch.of(
        gradients[own], tokens[own], torch.zeros(int(own.sum()), dtype=torch.int64), 1
    )
    assert torch.allclose(alone[0], found[2], atol=1e-4)
    assert not torch.equal(found[0], found[1])
