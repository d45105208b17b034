"""Names of a map's regions: words that are frequent there and rare elsewhere."""

from __future__ import annotations

import numpy as np

from assay.core.similarity.map_regions import named_regions, read_for_names

TOPICS = {
    (0, 0): ["goal", "striker", "keeper"],
    (10, 0): ["treaty", "minister", "parliament"],
    (0, 10): ["comet", "orbit", "telescope"],
    (10, 10): ["dividend", "profit", "shares"],
}
COMMON = ["the", "said", "today"]


def corpus(n=80, topics=TOPICS, seed=0):
    """Documents of four topics in four corners, all with the same common words."""
    rng = np.random.default_rng(seed)
    places, texts, topic = [], [], []
    for number, (corner, own) in enumerate(topics.items()):
        for _ in range(n):
            places.append(rng.normal(corner, 0.5))
            texts.append(" ".join([*rng.choice(own, 2), *COMMON, str(rng.integers(1000))]))
            topic.append(number)
    order = rng.permutation(len(texts))
    return np.array(places, np.float32)[order], [texts[i] for i in order]


def test_a_region_is_named_by_its_own_words():
    """Each corner is named by the words of its topic, never by a word that all share."""
    places, texts = corpus()
    regions = named_regions(places, texts)
    assert sum(region.n_documents for region in regions) == len(texts)
    for region in regions:
        corner = min(TOPICS, key=lambda c: (c[0] - region.x) ** 2 + (c[1] - region.y) ** 2)
        assert set(region.words) <= set(TOPICS[corner])
    assert {word for region in regions for word in region.words} >= {
        word for own in TOPICS.values() for word in own[:1]
    } - set(COMMON)


def test_shuffled_texts_name_nothing():
    """Where words have nothing to do with places, no region has a name."""
    places, texts = corpus(n=400)
    np.random.default_rng(1).shuffle(texts)
    assert named_regions(places, texts) == []


def test_one_document_names_no_region():
    """A word repeated in one document is no name, however often it stands there."""
    places, texts = corpus()
    texts[0] += " zebra" * 1_000
    assert "zebra" not in {word for region in named_regions(places, texts) for word in region.words}


def test_a_region_s_name_stands_on_one_of_its_documents():
    """Also on a ring, whose centre is empty."""
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    texts = [["goal", "comet", "treaty", "profit"][int(a / np.pi * 2) % 4] for a in angle]
    regions = named_regions(places, texts)
    assert regions
    assert all(abs(np.hypot(region.x, region.y) - 1) < 1e-5 for region in regions)


def test_equal_maps_have_equal_names_and_tiny_ones_work():
    """Nothing is left to chance, and no, one or equal places are no error."""
    places, texts = corpus()
    assert named_regions(places, texts) == named_regions(places, texts)
    assert named_regions(np.zeros((0, 2), np.float32), []) == []
    assert named_regions(np.zeros((1, 2), np.float32), ["goal"]) == []
    assert named_regions(np.zeros((9, 2), np.float32), ["goal"] * 9) == named_regions(
        np.zeros((9, 2), np.float32), ["goal"] * 9
    )


def test_of_many_documents_some_are_read():
    """Names of a large corpus rest on a fixed random part of it."""
    assert read_for_names(50).tolist() == list(range(50))
    chosen = read_for_names(100_000)
    assert len(chosen) == len(set(chosen.tolist())) == 10_000
    assert abs(chosen.mean() - 50_000) < 2_000
