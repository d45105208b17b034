"""Where a treemap's boxes go, and that each can be clicked."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decompression_file import write_sample_decompression
from support.pages import opened

from assay.cache.store import Store
from assay.pages.components.decompression.treemap_layout import Box, nested_boxes, squarified

WHOLE = Box(0, 0, 600, 500)


def overlap(one, other):
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0.0, width) * max(0.0, height)


def area(box):
    return box.width * box.height


@given(st.lists(st.integers(1, 200), min_size=1, max_size=40))
def test_areas_are_in_proportion_and_fill_the_whole(sizes):
    """Every box has its share of the area, none overlaps another, none stands out."""
    sizes = sorted(sizes, reverse=True)
    boxes = squarified(sizes, WHOLE)
    for size, box in zip(sizes, boxes, strict=True):
        assert area(box) == pytest.approx(area(WHOLE) * size / sum(sizes), rel=1e-6)
        assert overlap(box, WHOLE) == pytest.approx(area(box), rel=1e-6)
    assert all(overlap(*pair) < 1e-6 for pair in combinations(boxes, 2))


def test_boxes_are_nearly_square():
    """Of alike sizes none is longer than three times its width; slices would be 20 times."""
    for box in squarified([1] * 24, WHOLE):
        assert 1 / 3 < box.width / box.height < 3


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_a_nested_box_overlaps_no_other(own, random):
    """In any tree each node with a size has one box, which can be hit alone."""
    parents = {node: random.randrange(node) for node in range(1, len(own))}
    children = {}
    sizes = dict(enumerate(own))
    for node in reversed(range(1, len(own))):
        children.setdefault(parents[node], []).append(node)
        sizes[parents[node]] += sizes[node]
    boxes = nested_boxes(children, sizes, 0, WHOLE, 22, 3)
    assert set(boxes) - {0} == {node for node in sizes if node and sizes[node]}
    assert all(area(box) > 0 for box in boxes.values())
    assert all(overlap(*pair) < 1e-6 for pair in combinations(boxes.values(), 2))


def test_every_topic_is_a_bar_that_can_be_clicked():
    """Each bar has its topic's number, and the chart reports clicks on single bars."""
    write_sample_decompression(Store.default())
    (chart,) = opened("topics", decompression="sample").get("plotly_chart")
    bars = json.loads(chart.proto.spec)["data"][0]
    assert bars["type"] == "bar"
    assert [row[0] for row in bars["customdata"]] == [0, 1, 2, 3, 4]
    assert "cooking &lt;b&gt;" in bars["text"]
    assert [int(mode) for mode in chart.proto.selection_mode] == [0]  # points
