"""When a figure is more than chance, and how a p-value is said."""

from __future__ import annotations

# A p-value under this, times the number of tests, is more than chance (Bonferroni).
SIGNIFICANCE = 0.01


def p_value(value: float) -> str:
    """p = 0.012, p < 0.001."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
