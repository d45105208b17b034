"""What the input embeddings show about one document, in sentences."""

from __future__ import annotations

import math


def agreement_sentence(agreement: float, rests_on: float, n_moved: int) -> str:
    """How far rows moved along the document's gradients, and how many rows that is based on."""
    if not n_moved:
        return "No row of its tokens moved, so there is nothing to compare with its gradients."
    sentence = (
        f"The rows of its tokens moved along its own gradients with an agreement of "
        f"{agreement:z.3f}: 0 is none, 1 is exactly along them and -1 against them. Rows of rare "
        f"tokens count more, so the mean effectively rests on {rests_on:.1f} of {n_moved:,} rows."
    )
    if rests_on < 1.5 < n_moved:
        sentence += " So a single rare token decides the mean."
    return sentence


def held_out_sentence(p_value: float | None, q_value: float | None) -> str | None:
    """How it compares with held-out documents; None if none are known, or if it is one of them."""
    if p_value is None or q_value is None or math.isnan(p_value):
        return None
    return (
        f"About {100 * p_value:.1f}% of held-out documents score at least as high "
        f"(p = {p_value:.3f}). If all documents with at least this score are called trained on, "
        f"about {100 * q_value:.0f}% of these calls are wrong (q = {q_value:.3f}). This is "
        "evaluation: it needs documents that are known not to have been trained on."
    )
