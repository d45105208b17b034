"""How numbers and names are written."""

from __future__ import annotations

from functools import partial

import pytest

from assay.core.findings.formatting import (
    bare,
    bare_p_value,
    bracketed,
    capitalized,
    decimal,
    in_sentence,
    interval,
    moment,
    number,
    p_value,
    percent,
    percentage_points,
    possessive,
    signed,
    significant,
    small_share,
    verb,
)
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

ROW = {"value": 0.5, "low": 0.25, "high": 0.75}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0.1234), "12.3%"),
        (percent(0.1234, 0), "12%"),
        (percentage_points(0.12, "+"), "+12"),
        (small_share(0.0004), "less than 0.1%"),
        (small_share(0.04), "4.0%"),
        (decimal(0.12345), "0.123"),
        (signed(-0.5), "-0.500"),
        (decimal(-0.0004), "0.000"),
        (signed(-0.0004), "+0.000"),
        (percent(-0.0004), "0.0%"),
        (percentage_points(-0.004), "0"),
        (interval(-0.0004, 0.057), "0.000–0.057"),
        (number(Metric.RECALL, 0.5), "50.0%"),
        (number(Metric.PERPLEXITY, 3.14159), "3.14"),
        (number(Metric.COSINE, 0.5), "0.500"),
        (number(Metric.COSINE, None), "—"),
        (number(Metric.COSINE, float("nan")), "—"),
        (bare(Metric.RECALL, 0.5), "50.0"),
        (interval(0.25, 0.75), "0.250–0.750"),
        (interval(-0.75, -0.25), "-0.750 to -0.250"),
        (interval(0.25, 0.75, percent), "25.0–75.0"),
        (bracketed(ROW), "0.500 [0.250–0.750]"),
        (bracketed(ROW, percent), "50.0% [25.0–75.0]"),
        (bracketed({**ROW, "low": float("nan")}), "0.500"),
        (in_sentence(ROW, partial(decimal, digits=2)), "0.50 (0.25–0.75)"),
        (p_value(0.0004), "p < 0.001"),
        (p_value(0.0124), "p = 0.012"),
        (bare_p_value(0.0), "< 0.001"),
        (bare_p_value(0.4), "0.400"),
        (bare_p_value(0.0124), "0.012"),
        (moment("2026-11-21T12:00:59.123+00:00"), "2026-11-21 12:00 UTC"),
        (significant(0), "0"),
        (significant(0.8), "0.800"),
        (significant(12.345), "12.3"),
        (significant(12345.6), "12,346"),
        (significant(0.0999999), "0.100"),
        (significant(2.14e-8, 2), "2.1 × 10⁻⁸"),
        (significant(9.99e-8, 2), "1.0 × 10⁻⁷"),
        (significant(0.00123), "0.00123"),
    ],
)
def test_a_number_is_written_one_way(written, expected):
    """Percent, decimals, intervals and p-values as every sentence and table has them."""
    assert written == expected


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (Strategy.EMBEDDING_MATCH, "Input embeddings do and distinguish; input embeddings' pick"),
        (Strategy.LAYER_MATCH, "Linear layers do and distinguish; linear layers' pick"),
        (Strategy.SELECT, "SELECT does and distinguishes; SELECT's pick"),
        (Strategy.TOP_K, "Top-k does and distinguishes; top-k's pick"),
    ],
)
def test_sentences_about_a_strategy_agree_with_its_name(strategy, said):
    """Verbs and possessives of plural names, and a capital at the beginning of a sentence."""
    name = strategy.shown_as
    written = f"{name} {verb(name, 'do')} and {verb(name, 'distinguish')}"
    assert capitalized(f"{written}; {possessive(name)} pick") == said
