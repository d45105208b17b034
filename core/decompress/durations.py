"""How long each stage of a decompression is expected to take; only the proportions matter."""

from __future__ import annotations

import math

from assay.core.decompress.budget import N_CONTROLS
from assay.core.decompress.tree.expansion import n_expansions
from assay.core.decompress.tree.support import N_NONSENSE_TOPICS
from assay.core.specs.decompression import DecompressionSpec

# Seconds on one core of a 2026 server, SmolLM2-135M: 16 lists of one topic.
_AN_EXPANSION_S = 1.7
_AN_EXAMPLE_S = 1.1
_A_CONTRAST_S = 0.4
_A_GRADE_S = 1.2


def decompression_plan(spec: DecompressionSpec) -> dict[str, float]:
    """Expected seconds a stage, in the order they run."""
    widths = [spec.expansion_at(level) for level in range(spec.depth)]
    n_topics = sum(math.prod(widths[: level + 1]) for level in range(spec.depth))
    n_expanded = n_expansions(spec)
    if spec.budget_calls:
        n_topics = min(n_topics, spec.budget_calls)
        n_expanded = min(n_expanded, max(1, spec.budget_calls // spec.n_samples))
    n_examples = min(n_topics * spec.n_examples, spec.budget_calls or n_topics * spec.n_examples)
    a_list_s = _AN_EXPANSION_S * spec.n_samples / 16
    plan = {
        "load model": 4.0,
        "topics": n_expanded * a_list_s,
        "support": N_NONSENSE_TOPICS * a_list_s + n_topics * _A_CONTRAST_S,
        "examples": n_examples * _AN_EXAMPLE_S,
        "marks": 2.0,
    }
    return plan | (grading_plan(n_examples) if spec.judge else {}) | {"seal": 1.0}


def grading_plan(n_examples: int) -> dict[str, float]:
    """Expected seconds a stage of grading."""
    return {
        "load judge": 4.0,
        "grades": n_examples * _A_GRADE_S,
        "judging control": N_CONTROLS * _A_GRADE_S,
    }


def echo_plan() -> dict[str, float]:
    """Expected seconds of a comparison of some hundred answers with nine sets of documents."""
    return {"read documents": 1.0, "embed": 10.0, "compare": 40.0}
