"""What the input embeddings say of one document, in sentences."""

from __future__ import annotations

import math


def agreement_sentence(agreement: float, rests_on: float, n_moved: int) -> str:
    """How far rows moved along the document's gradients, and on how many rows that rests."""
    if not n_moved:
        return "No row of its tokens moved, so nothing can be compared with its gradients."
    sentence = (
        f"Its rows moved along its own gradients with an agreement of {agreement:.3f}, where 0 is "
        "none, 1 is exactly along them and -1 against them. Rows count the more, the fewer "
        f"documents hold their token: the mean rests on {rests_on:.1f} of {n_moved:,} rows, in "
        "effect."
    )
    if rests_on < 1.5 < n_moved:
        sentence += " One rare token decides."
    return sentence


def held_out_sentence(p_value: float | None, q_value: float | None) -> str | None:
    """Its standing against held-out documents; None where none are known, or it is one."""
    if p_value is None or q_value is None or math.isnan(p_value):
        return None
    return (
        f"About {100 * p_value:.1f}% of held-out documents score as high (p = {p_value:.3f}). If "
        "all that score as high were called trained on, about "
        f"{100 * q_value:.0f}% would be called so by mistake (q = {q_value:.3f}). This is "
        "evaluation: it needs documents known not to be used."
    )
