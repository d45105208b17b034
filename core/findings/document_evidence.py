"""What the input embeddings show about one document, in sentences."""

from __future__ import annotations

import math

from assay.core.findings.formatting import capitalized, percent, small_share
from assay.core.findings.formatting import p_value as written_p


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
    share = small_share(p_value)
    about = "" if share.startswith("less") else "about "
    wrong = "fewer than 1%" if q_value < 0.005 else f"about {percent(q_value, 0)}"
    return (
        f"{capitalized(about + share)} of held-out documents score at least as high "
        f"({written_p(p_value)}). If all documents with at least this score are called trained on, "
        f"{wrong} of these calls are wrong ({written_p(q_value, 'q')}). This is evaluation: it "
        "needs documents that are known not to have been trained on."
    )
