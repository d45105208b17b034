"""Pools of one corpus: their features are those of its documents, and products are found once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from support.blocked_gradients import factored
from support.gradient_features import features

from assay.cache.files.spilled import SpilledRows
from assay.core.gradients.features import FactoredGradients, ScratchInMemory
from assay.core.gradients.pools import PoolGradients, RememberedProducts
from assay.core.selection import greedy
from assay.core.selection.matching_pursuit import select_plus


@dataclass(frozen=True)
class Asked(FactoredGradients):
    """Notes each document whose products with all are found."""

    found: list[int] = field(default_factory=list)

    def inner_products_with(self, documents):
        self.found.extend(documents)
        return super().inner_products_with(documents)


def asked(**more):
    f = features(**more)
    return Asked(f.errors, f.hidden, f.target)


@pytest.mark.parametrize("n_kept", [0, 9, 10_000])
def test_a_pool_has_the_features_of_its_documents(monkeypatch, n_kept):
    """Whatever is remembered of earlier pools, a pool's features are those of its documents in its
    order, and so is its selection."""
    f = asked(n=60, n_checkpoints=2)
    monkeypatch.setattr("assay.core.gradients.pools._MOST_VALUES_KEPT", n_kept * 2 * 60)
    remembered, rng = RememberedProducts(f), np.random.default_rng(0)
    for size in (60, 40, 25):
        rows = rng.permutation(60)[:size]
        pool, own = PoolGradients(remembered, rows), f.subset(rows.tolist())
        assert pool.n_documents == size
        some, weights = rng.permutation(size)[:12].tolist(), rng.random((2, size)).astype("f")
        for found, expected in (
            (pool.alignment, own.alignment),
            (pool.squared_norms, own.squared_norms),
            (pool.target_norms, own.target_norms),
            (pool.inner_products_with(some), own.inner_products_with(some)),
            (pool.weighted_sums(weights), own.weighted_sums(weights)),
            (pool.subset(some).hidden, own.subset(some).hidden),
        ):
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
        for choose in (greedy.select, select_plus):
            assert choose(pool, 15).documents == choose(own, 15).documents


def test_products_found_for_one_pool_serve_the_next():
    """The same selection from another order of the same documents finds no product again; without
    the memory it finds them all."""
    f = asked(n=200)
    remembered = RememberedProducts(f)
    greedy.select(PoolGradients(remembered, np.arange(200)), 20)
    n_first = len(f.found)
    assert len(set(f.found)) == n_first >= 20
    greedy.select(PoolGradients(remembered, np.arange(200)[::-1]), 20)
    assert len(f.found) == n_first
    greedy.select(f, 20)
    assert len(f.found) == 2 * n_first


def test_a_pool_of_gradients_on_disk_is_the_same_and_keeps_its_scratch_there(tmp_path):
    """Products, selections and weights of a pool are those from memory to the last bit, and rows
    that SELECT+ keeps of the pool's documents are on disk as well."""
    f = features(n=300, n_checkpoints=2)
    here, there = factored(f.errors, f.hidden, f.target, tmp_path)
    rows = np.random.default_rng(1).permutation(300)[:220]
    in_memory, on_disk = (PoolGradients(RememberedProducts(own), rows) for own in (here, there))
    assert isinstance(in_memory.scratch(3, 220), ScratchInMemory)
    assert isinstance(on_disk.scratch(3, 220), SpilledRows)
    some = [4, 0, 219]
    assert np.array_equal(in_memory.inner_products_with(some), on_disk.inner_products_with(some))
    weights = np.random.default_rng(2).random((2, 220)).astype("f4")
    assert np.array_equal(in_memory.weighted_sums(weights), on_disk.weighted_sums(weights))
    for choose in (greedy.select, select_plus):
        assert choose(in_memory, 40) == choose(on_disk, 40)
