"""Embedding recall, near duplicates, the replacement curve and the layout, with controls."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.cache.files.spilled import SpilledRows
from assay.core.similarity import map_layout
from assay.core.similarity.coverage import N_NEIGHBOURS, is_covered, similarity_floors
from assay.core.similarity.map_layout import lay_out
from assay.core.similarity.map_sizes import MIN_UMAP
from assay.core.similarity.near_duplicates import MIN_JACCARD, jaccard, near_duplicates, shingles
from assay.core.similarity.replacement_curve import N_DRAWS, SHARES, likeness, mixtures
from assay.core.similarity.transport import transport_distance


def clustered(n, seed, centre=0, width=16):
    """Unit vectors about one of a few directions."""
    rng = np.random.default_rng(seed)
    vectors = np.eye(width)[centre] * 3 + rng.normal(size=(n, width)) * 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def recall(selected, reference):
    return is_covered(selected, reference, similarity_floors(reference)).mean()


@given(n_reference=st.integers(1, 40), n_selected=st.integers(1, 30), seed=st.integers(0, 9))
@settings(max_examples=40)
def test_recall_is_coverage_by_brute_force(n_reference, n_selected, seed):
    """A reference document counts iff a selected one is within its 5th nearest neighbour's
    distance."""
    reference, selected = clustered(n_reference, seed), clustered(n_selected, seed + 100)
    among = np.linalg.norm(reference[:, None] - reference[None], axis=-1)
    k = min(N_NEIGHBOURS, n_reference - 1)
    radius = np.sort(among, axis=1)[:, k] if k else np.zeros(n_reference)
    nearest = np.linalg.norm(reference[:, None] - selected[None], axis=-1).min(axis=1)
    is_clear = np.abs(nearest**2 - radius**2) > 0.01  # rounding decides the others
    found = is_covered(selected, reference, similarity_floors(reference))
    assert (found == (nearest <= radius))[is_clear].all()


def test_recall_grows_with_a_selection_and_ends_at_one():
    """Adding documents never uncovers any; the reference set covers itself; other text does not."""
    reference = np.concatenate([clustered(60, 0, 0), clustered(60, 1, 1)])
    order = np.random.default_rng(0).permutation(120)
    values = [recall(reference[order[:n]], reference) for n in (1, 5, 20, 60, 120)]
    assert values == sorted(values)
    assert values[0] < values[-1] == 1
    assert recall(clustered(120, 3, 5), reference) == 0


def test_recall_sees_a_missing_mode_and_no_outliers():
    """A selection of one of two clusters covers that half; far documents beside it add nothing."""
    reference = np.concatenate([clustered(60, 0, 0), clustered(60, 1, 1)])
    one_mode = clustered(200, 2, 0)
    found = is_covered(one_mode, reference, similarity_floors(reference))
    assert found[:60].mean() > 0.9
    assert not found[60:].any()
    with_outliers = np.concatenate([one_mode, clustered(50, 3, 9)])
    assert recall(with_outliers, reference) == recall(one_mode, reference)


def test_copies_in_the_reference_are_near_only_their_like():
    """Of ten copies of one document a selection that holds it covers all, another none."""
    reference = np.repeat(clustered(1, 0), 10, axis=0)
    assert recall(reference[:1].astype(np.float16).astype(np.float32), reference) == 1
    assert recall(clustered(20, 1), reference) == 0


def text_of(rng, n_words):
    return " ".join(rng.choice([f"word{number}" for number in range(400)], n_words))


def test_near_duplicates_are_all_pairs_above_the_threshold():
    """Every pair that brute force finds at 0.8 or above is found with its index, and no other."""
    rng = np.random.default_rng(0)
    reference = [text_of(rng, 40) for _ in range(60)]
    pool = [text_of(rng, 40) for _ in range(60)]
    for text in reference[:40]:
        words = text.split()
        for position in rng.choice(40, rng.integers(0, 4), replace=False):
            words[position] = "changed"
        pool.append(" ".join(words))
    brute = {
        (i, j): value
        for i, first in enumerate(pool)
        for j, second in enumerate(reference)
        if (value := jaccard(shingles(first), shingles(second))) >= MIN_JACCARD
    }
    found = {(p.first, p.second): p.jaccard for p in near_duplicates(pool, reference)}
    assert found == brute
    assert 10 < len(brute) < 40  # some were changed too much
    assert min(first for first, _ in brute) >= 60


@pytest.mark.parametrize(
    ("first", "second", "are_alike"),
    [
        ("", "", True),
        ("One two", "one  TWO", True),
        ("a b c d", "d c b a", False),
        ("the same words " * 8, "the same words " * 9, True),
    ],
)
def test_order_counts_and_case_does_not(first, second, are_alike):
    """Words in another order are another text; case, spaces and repetition make none."""
    assert bool(list(near_duplicates([first], [second]))) == are_alike


def test_true_data_replaced_rises_to_other_text():
    """Transport of the mixtures grows with the replaced share, from true data to other text; with
    others drawn like the true data it does not."""
    reference, others = clustered(120, 0, 0), clustered(120, 1, 4)
    alike = clustered(120, 2, 0)

    def curve(stand_in):
        return [
            transport_distance(
                np.concatenate([reference[m.true], stand_in[m.others]]), reference
            ).distance
            for m in mixtures(120, 120, 40, 0)
        ]

    rising, flat = curve(others), curve(alike)
    assert rising == sorted(rising)
    assert rising[-1] > 5 * rising[0]
    assert flat[-1] < rising[2]


@given(size=st.integers(1, 30), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_mixtures_keep_their_size_and_nest(size, seed):
    """Every mixture has the size asked, its share of others, no document twice; shares nest."""
    before: set[int] = set()
    for share, mixture in zip(SHARES, mixtures(30, 40, size, seed), strict=True):
        assert mixture.replaced_share == share
        assert len(mixture.true) + len(mixture.others) == size
        assert len(mixture.others) == round(share * size)
        assert len(set(mixture.true)) == len(mixture.true)
        assert before <= set(mixture.others.tolist())
        before = set(mixture.others.tolist())
    with pytest.raises(ValueError, match="31"):
        next(mixtures(30, 40, 31, seed))
    assert N_DRAWS > 1


def test_a_distance_is_read_between_measured_shares():
    """A value lies between the shares whose bands are wholly below and above it, ends are open."""
    shares, lows, highs = (0.0, 0.5, 1.0), (0.1, 0.4, 0.8), (0.2, 0.5, 0.9)

    def read(value):
        found = likeness(shares, lows, highs, value)
        return found.least, found.most

    assert read(0.3) == (0.0, 0.5)
    assert read(0.6) == (0.5, 1.0)
    assert read(0.45) == (0.0, 1.0)  # inside the band of 0.5: not told from its neighbours
    assert read(0.05) == (None, 0.0)
    assert read(0.15) == (None, 0.5)
    assert read(0.95) == (1.0, None)


def on_disk(vectors, folder):
    """The same vectors, and how many were read together each time."""
    rows, sizes = SpilledRows(folder, vectors.shape[1]), []
    rows.append(vectors)
    take = rows.take
    rows.take = lambda numbers: sizes.append(len(numbers)) or take(numbers)
    return rows, sizes


@pytest.mark.parametrize("n", [1, 2, 3, MIN_UMAP - 1])
def test_few_documents_are_laid_out_by_principal_components(n, tmp_path):
    """Any small number of documents has places, which lose least of what tells them apart."""
    vectors = np.concatenate([clustered(n - n // 2, 0, 0), clustered(n // 2, 1, 3)])
    layout = lay_out(on_disk(vectors, tmp_path)[0], 0)
    assert layout.points.shape == (n, 2)
    assert layout.parameters == {"method": "principal components"}
    variances = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)[:2] ** 2
    assert (layout.points**2).sum() == pytest.approx(variances.sum(), rel=1e-3)


@pytest.mark.trains
def test_umap_keeps_clusters_and_places_the_rest_among_their_like(monkeypatch, tmp_path):
    """The same seed gives the same places; documents beyond those it is fitted to land in the
    cluster they belong to; documents of no cluster are in neither. No more documents are in memory
    than are fitted, and the others are read in groups of almost one size. Numba does not share
    OpenMP's threads, and torch keeps as many as it had."""
    monkeypatch.setattr(map_layout, "MAX_FITTED", 500)
    monkeypatch.setattr(map_layout, "_MAX_TOGETHER", 100)
    vectors, sizes = on_disk(np.concatenate([clustered(430, 0, 0), clustered(430, 1, 3)]), tmp_path)
    layout = lay_out(vectors, 3)
    assert sizes == [500, 90, 90, 90, 90]
    assert layout.parameters["method"] == "UMAP"
    assert (layout.parameters["seed"], layout.parameters["n_fitted"]) == (3, 500)
    n_threads = torch.get_num_threads()
    assert np.array_equal(layout.points, lay_out(vectors, 3).points)
    assert torch.get_num_threads() == n_threads
    assert numba.threading_layer() == "workqueue"

    def share_at_home(own):
        centres = [layout.points[own == label].mean(axis=0) for label in (0, 1)]
        distances = np.linalg.norm(layout.points[:, None] - np.array(centres)[None], axis=-1)
        return (distances.argmin(1) == own).mean()

    clusters = np.repeat([0, 1], 430)
    assert share_at_home(clusters) > 0.98
    assert share_at_home(np.random.default_rng(0).permutation(clusters)) < 0.7
