"""What is said of one document beside held-out ones."""

from __future__ import annotations

import pytest

from assay.core.findings.document_evidence import held_out_sentence


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        (0.02, 0.3, ("About 2.0% of held-out", "(p = 0.020)", "about 30% of these", "(q = 0.300)")),
        (
            0.0002,
            0.0003,
            ("Less than 0.1% of held-out", "(p < 0.001)", "fewer than 1% of these", "(q < 0.001)"),
        ),
    ],
)
def test_small_shares_are_not_called_zero(p, q, expected):
    """A share that its decimals would round to zero is said to be less than the least of them."""
    said = held_out_sentence(p, q)
    assert all(part in said for part in expected)
    assert "0.0%" not in said
