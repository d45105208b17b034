"""Rows of a titration's grid, as findings and tables read them."""

from __future__ import annotations


def rows(values):
    """Rows at budget 10 from (strategy, metric, share) → values of the draws."""
    return [
        {
            "strategy": strategy,
            "metric": metric,
            "leaked_share": share,
            "budget": 10,
            "value": value,
            "low": value - 0.03,
            "high": value + 0.03,
            "seed": seed,
        }
        for (strategy, metric, share), draws in values.items()
        for seed, value in enumerate(draws)
    ]
