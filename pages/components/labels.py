"""Unique names to choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def distinct_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels by name; labels that several share get their name appended.

    A select box identifies options by their labels: of two equal ones, only the first could be
    chosen.
    """
    count = Counter(labels.values())
    return {
        name: f"{label} · {name}" if count[label] > 1 else label for name, label in labels.items()
    }
