"""What a diff of two decompressions compares, in plain values."""

from __future__ import annotations

from enum import StrEnum


class Change(StrEnum):
    """What happened to a topic from A to B."""

    LOST = "lost"  # B does not name it anywhere
    GAINED = "gained"  # A does not name it anywhere
    MOVED = "moved"  # one of them names it only under another topic
    SHIFTED = "shifted"  # both name it


class Quantity(StrEnum):
    """What is compared between branches."""

    SUPPORT = "support"
    QUALITY = "quality"
