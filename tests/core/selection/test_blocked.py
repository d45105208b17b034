"""Selection from gradients on disk: the same as from memory, to the last bit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.blocked_gradients import factored, projected

from assay.cache.files.blocks import DamagedBlock, pack
from assay.cache.files.spilled import SpilledBlocks
from assay.core.gradients import windows
from assay.core.gradients.features import projected_factors
from assay.core.selection import greedy, matching_pursuit
from assay.core.selection.inputs import SelectionInputs
from assay.core.selection.strategies import make_selection, ranking_scores
from assay.core.specs.strategies import Strategy

MANY = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WAYS = {
    "select": lambda f, budget, seed: greedy.select(f, budget, seed=seed),
    "select-batch": lambda f, budget, seed: greedy.select(f, budget, 7, seed),
    "select-plus": matching_pursuit.select_plus,
    "top-k": greedy.top_k,
    "random": greedy.random,
}


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    """Many windows of few documents."""
    monkeypatch.setattr(windows, "ROWS_TOGETHER", 16)
    monkeypatch.setattr(matching_pursuit, "_COLUMNS", 24)


def rows(rng, shape, n_different, n_zero):
    """Random rows of which only some differ, and some of which are zero."""
    found = rng.normal(size=shape).astype(np.float32)
    if n_different:
        found = found[:, rng.integers(0, min(n_different, shape[1]), shape[1])]
    found[:, rng.permutation(shape[1])[:n_zero]] = 0
    return found


@pytest.mark.parametrize("way", WAYS)
@MANY
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 120),
    n_checkpoints=st.integers(1, 2),
    n_different=st.sampled_from([0, 1, 3, 20]),
    n_zero=st.sampled_from([0, 0, 2, 40]),
    budget=st.integers(1, 60),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    is_factored=st.booleans(),
)
def test_disk_and_memory_select_the_same(
    way, seed, n, n_checkpoints, n_different, n_zero, budget, sizes, is_factored, tmp_path
):
    """Whatever the gradients (repeated, zero, several checkpoints), the budget and the sizes of
    blocks: the same documents, objective and weights, without a bit's difference."""
    rng = np.random.default_rng(seed)
    if is_factored:
        errors = rows(rng, (n_checkpoints, n, 3), n_different, n_zero)
        hidden = rows(rng, (n_checkpoints, n, 9), 0, 0)
        if n_different:
            hidden[:] = hidden[:, :1]
        target = rng.normal(size=(n_checkpoints, 3, 9)).astype(np.float32)
        here, there = factored(errors, hidden, target, tmp_path, sizes)
    else:
        vectors = rows(rng, (n_checkpoints, n, 12), n_different, n_zero)
        target = rng.normal(size=(n_checkpoints, 12)) + 0.3
        here, there = projected(vectors, target, tmp_path, sizes)
    found = WAYS[way](there, budget, seed=seed)
    assert found == WAYS[way](here, budget, seed=seed)


def both(tmp_path, n=90, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(1, n, width)).astype(np.float32) for width in (3, 9)]
    target = rng.normal(size=(1, 3, 9)).astype(np.float32)
    return factored(*arrays, target, tmp_path)


def test_rows_in_another_order_select_otherwise(tmp_path):
    """The comparison has teeth: with two blocks exchanged on disk, the selection is another."""
    here, there = both(tmp_path)
    order = [*range(32, 64), *range(32), *range(64, 90)]
    exchanged = dataclasses.replace(
        there, hidden=[SpilledBlocks(tmp_path, 9, pack(here.hidden[0][order]))]
    )
    assert greedy.select(exchanged, 30) != greedy.select(here, 30)
    assert greedy.select(there, 30) == greedy.select(here, 30)


@pytest.mark.parametrize("strategy", Strategy)
def test_every_strategy_works_from_disk(strategy, tmp_path):
    """Each strategy, with the scores that its ranking gives all documents."""
    here, there = both(tmp_path)
    rng = np.random.default_rng(1)
    known = rng.integers(0, 3, 90), rng.random(90)
    own = {one: rng.normal(size=90) for one in Strategy}
    found = []
    for features in (here, there):
        inputs = SelectionInputs(features, *known, own, features)
        made = make_selection(strategy, inputs, 20, 8, 0)
        found.append((made, ranking_scores(strategy, inputs, made, 0).tolist()))
    assert found[0] == found[1]


def test_refitted_weights_and_projections_are_the_same(tmp_path):
    """So are SELECT+'s weights at each rank, and factors that are projected window by window."""
    here, there = both(tmp_path)
    chosen = matching_pursuit.select_plus(here, 20).documents
    rank = matching_pursuit.weights_by_rank
    assert np.array_equal(rank(here, chosen), rank(there, chosen))
    whole = projected_factors(here, 12, 0).projected
    parts = [projected_factors(there.window(p), 12, 0).projected for p in windows.windows(90)]
    assert np.array_equal(whole, np.concatenate(parts, axis=1))


def test_sums_differ_by_rounding_only(tmp_path):
    """Weighted sums over windows are those over everything."""
    here, there = both(tmp_path)
    weights = np.random.default_rng(2).random((4, 90)).astype(np.float32)
    assert np.allclose(here.weighted_sums(weights), there.weighted_sums(weights), rtol=1e-5)


def test_a_damaged_block_is_noticed(tmp_path):
    """A block whose bytes were changed is not selected from."""
    (block,) = pack(np.ones((4, 3), np.float32))
    with pytest.raises(DamagedBlock):
        SpilledBlocks(tmp_path, 3, [dataclasses.replace(block, data=b"\0" * len(block.data))])


def test_nothing_is_left_on_disk(tmp_path):
    """What is spilled has no name, so that it goes with the process."""
    both(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_most_choices_read_nothing(tmp_path):
    """One pass over the file serves several choices."""
    here, there = both(tmp_path, 400)
    n_read, window = [], type(there).window

    class Counted(type(there)):
        def window(self, part):
            n_read.append(part.start)
            return window(self, part)

    counted = Counted(**{f.name: getattr(there, f.name) for f in dataclasses.fields(there)})
    assert greedy.select(counted, 100).documents == greedy.select(here, 100).documents
    n_passes = n_read.count(0)
    assert 1 < n_passes < 40
    assert len(n_read) == n_passes * 25
