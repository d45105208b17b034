"""The random selections and reference documents that every metric is compared with."""

from __future__ import annotations

import numpy as np

from assay.core.selection.greedy import drawn
from assay.core.specs.audit import AuditSpec

# Enough that the smallest possible p-value, 2 in 600, times eleven strategies is under 5%.
N_NULL_DRAWS = 599


def random_draws(spec: AuditSpec, n_documents: int) -> list[list[int]]:
    """Random selections of the budget, as many as a null band needs.

    Only their documents: the objective of 599 selections would take a third of a small audit.
    """
    return [drawn(n_documents, spec.budget, _seed(spec, draw)) for draw in range(N_NULL_DRAWS)]


def true_sample(n_reference: int, spec: AuditSpec) -> list[int]:
    """As many reference documents as the budget: how close a perfect selection would come."""
    order = np.random.default_rng(spec.seed).permutation(n_reference)
    return order[: spec.budget].tolist()


def _seed(spec: AuditSpec, draw: int) -> int:
    # Far from spec.seed, which the random strategy's own selection uses.
    return spec.seed + 1_000_003 * (draw + 1)
