"""What a diff of two decompressions compares, in plain values."""

from __future__ import annotations

from enum import StrEnum


class Change(StrEnum):
    """What became of a topic from A to B."""

    LOST = "lost"  # B does not name it, here or elsewhere
    GAINED = "gained"  # A does not name it, here or elsewhere
    MOVED = "moved"  # one of them names it under another topic only
    SHIFTED = "shifted"  # both name it


class Quantity(StrEnum):
    """What of a branch is compared."""

    SUPPORT = "support"
    QUALITY = "quality"
