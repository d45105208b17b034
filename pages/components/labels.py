"""Names to choose among."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def distinct_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels by name; those that several share have their name behind them.

    A select box goes by what it shows: of two alike only the first could be chosen.
    """
    count = Counter(labels.values())
    return {
        name: f"{label} · {name}" if count[label] > 1 else label for name, label in labels.items()
    }
