"""How long each stage of a decompression is expected to take; only the proportions matter."""

from __future__ import annotations

from core.decompress.grow import n_expansions
from core.decompression import DecompressionSpec

# Seconds on one core of a 2026 server, SmolLM2-135M: 16 lists of one topic.
_AN_EXPANSION_S = 8.0


def decompression_plan(spec: DecompressionSpec) -> dict[str, float]:
    """Expected seconds a stage, in the order they run."""
    return {
        "load model": 10.0,
        "topics": n_expansions(spec) * _AN_EXPANSION_S * spec.n_samples / 16,
        "seal": 1.0,
    }
