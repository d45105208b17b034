"""How numbers are written in sentences and tables."""

from __future__ import annotations


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def p_value(value: float) -> str:
    """p = 0.012, p < 0.001."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
