"""The positions of a treemap's boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle, from its upper left corner; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


def nested_boxes(
    children: Mapping[int, Sequence[int]],
    sizes: Mapping[int, float],
    root: int,
    whole: Box,
    strip: float,
    gap: float,
) -> dict[int, Box]:
    """One box per node; a node with children leaves a strip above them, so no two boxes overlap.

    Siblings have areas in proportion to ``sizes``; size 0 has no box. ``strip``: height of a strip
    if there is room; ``gap``: space around the contents.
    """
    below = [node for node in children.get(root, ()) if sizes[node] > 0]
    if not below:
        return {root: whole}
    height = min(strip, whole.height / 3)
    boxes = {root: Box(whole.x, whole.y, whole.width, height)}
    inner = Box(whole.x, whole.y + height + gap, whole.width, max(0.0, whole.height - height - gap))
    below.sort(key=lambda node: -sizes[node])
    for node, box in zip(below, squarified([sizes[node] for node in below], inner), strict=True):
        space = min(gap, box.width / 4, box.height / 4)
        inside = Box(box.x, box.y, box.width - space, box.height - space)
        boxes |= nested_boxes(children, sizes, node, inside, strip, gap)
    return boxes


def squarified(sizes: Sequence[float], whole: Box) -> list[Box]:
    """Boxes that fill ``whole`` with areas in proportion to ``sizes`` (positive, largest first).

    Rows are filled along the shorter side as long as that makes their boxes squarer (Bruls, Huizing
    and van Wijk, 2000).
    """
    area = whole.width * whole.height / sum(sizes)
    areas = [size * area for size in sizes]
    boxes: list[Box] = []
    left = whole
    while areas:
        side = min(left.width, left.height)
        n = 1
        while n < len(areas) and _worst(areas[: n + 1], side) <= _worst(areas[:n], side):
            n += 1
        row, areas = areas[:n], areas[n:]
        thickness = sum(row) / side
        at = 0.0
        for one in row:
            length = one / thickness
            boxes.append(
                Box(left.x, left.y + at, thickness, length)
                if left.height <= left.width
                else Box(left.x + at, left.y, length, thickness)
            )
            at += length
        left = (
            Box(left.x + thickness, left.y, left.width - thickness, left.height)
            if left.height <= left.width
            else Box(left.x, left.y + thickness, left.width, left.height - thickness)
        )
    return boxes


def _worst(row: Sequence[float], side: float) -> float:
    """The largest side ratio of the boxes in a row along ``side``."""
    total = sum(row)
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))
