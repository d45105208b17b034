"""How many selected documents are exact or near duplicates of reference documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.rows import MetricRow, Null, with_interval
from assay.core.similarity.near_duplicates import MIN_JACCARD, N_WORDS, near_duplicates
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.recall import located

_METHOD = (
    f"same text or Jaccard index of at least {MIN_JACCARD} between runs of {N_WORDS} words; "
    "Clopper–Pearson interval, hypergeometric p-value"
)


def write_near_duplicates(audit: AuditContext) -> None:
    """Fill ``near_duplicates`` with all such pairs of pool and reference documents."""
    reference = audit.rows.texts("reference")
    found = list(near_duplicates(audit.rows.each_text(), reference))
    if found:
        audit.builder.write(
            "near_duplicates",
            {
                "document_id": [pair.first for pair in found],
                "reference_id": [pair.second for pair in found],
                "jaccard": [pair.jaccard for pair in found],
            },
        )


def overlap_metrics(
    audit: AuditContext, selections: Mapping[Strategy, Sequence[int]]
) -> Iterator[MetricRow]:
    """One row per strategy; none if the pool holds no such document."""
    is_alike = audit.rows.is_like_reference()
    n_alike = int(is_alike.sum())
    for strategy, documents in selections.items():
        if n_alike == 0 or not documents:
            continue
        n_found, n_selected = int(is_alike[list(documents)].sum()), len(documents)
        counts = located(len(is_alike), n_alike, n_selected, n_found)
        yield with_interval(
            strategy,
            Metric.OVERLAP,
            counts.precision,
            n_selected,
            _METHOD,
            Null(counts.null_precision, "random selection"),
            min(1.0, n_alike / n_selected),
            counts.p_value,
        )
