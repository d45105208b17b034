"""Unique names to choose from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

_SHORTEST = 6


def distinct_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels by name; those that several share get the end of their name appended, as much of it
    as tells them apart.

    A select box identifies options by their labels: of two equal ones, only the first could be
    chosen. Names end in a digest, and a list has little room.
    """
    sharing = defaultdict(list)
    for name, label in labels.items():
        sharing[label].append(name)
    ends = {label: _ends(names) for label, names in sharing.items() if len(names) > 1}
    return {
        name: f"{label} · {ends[label][name]}" if label in ends else label
        for name, label in labels.items()
    }


def _ends(names: Sequence[str]) -> dict[str, str]:
    for length in range(_SHORTEST, max(map(len, names))):
        cut = {name: name if len(name) <= length else f"…{name[-length:]}" for name in names}
        if len(set(cut.values())) == len(names):
            return cut
    return {name: name for name in names}
