"""A Markdown table of the audits in a store, seeds averaged: summarise.py STORE."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

from assay.cache.audits.comparison import read_label_counts
from assay.cache.audits.read import audit_path, list_audits, read_facts, read_metrics
from assay.cache.store import Store
from assay.core.specs.strategies import Strategy

METRICS = ("accuracy", "agreement", "transport", "containment", "cosine")


def main(root: Path) -> None:
    store = Store(root)
    values: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    classes: dict[tuple[int, str], list[list[int]]] = defaultdict(list)
    for summary in list_audits(store):
        path = audit_path(store, summary.audit_id)
        for row in read_metrics(path).itertuples():
            values[summary.budget, row.subject, row.metric].append(row.value)
        n_labels = len(read_facts(path).label_names)
        for subject, counts in read_label_counts(path).groupby("subject"):
            by_label = dict(zip(counts["label"], counts["n"], strict=True))
            classes[summary.budget, str(subject)].append(
                [int(by_label.get(label, 0)) for label in range(n_labels)]
            )
    for budget in sorted({key[0] for key in values}):
        print(f"\nBudget {budget}\n\n| | {' | '.join(METRICS)} | classes, each seed |")
        print("|---" * (len(METRICS) + 2) + "|")
        for subject in (*Strategy, "final", "base"):
            cells = [_cell(values[budget, str(subject), metric]) for metric in METRICS]
            own = " ".join(str(counts) for counts in classes[budget, str(subject)])
            print(f"| {subject} | {' | '.join(cells)} | {own} |")


def _cell(seeds: list[float]) -> str:
    """Mean and spread (lowest to highest) over seeds."""
    if not seeds:
        return ""
    return f"{statistics.mean(seeds):.3f} ({min(seeds):.3f}–{max(seeds):.3f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
