"""Which result counts, stated once: what pages and reports call evidence, and what chance."""

from __future__ import annotations

from assay.core.stats.intervals import CHANCE_OUTSIDE, CONFIDENCE, SIGNIFICANCE

THRESHOLDS = (
    f"That documents were trained on counts as evidence if p < {SIGNIFICANCE}, corrected for the "
    "number of rankings or tests (Holm), and if it is more than text alone finds.",
    f"That a selection or its student is closer than random ones counts if p ≤ {CHANCE_OUTSIDE}. "
    "The main strategy's comparison was declared beforehand; all others are corrected together "
    "(Holm).",
    "Single documents are found at a false positive rate of 1%: of 100 documents that were not "
    "trained on, one is taken for a training document.",
    f"Intervals have a confidence of {CONFIDENCE:.0%}. A value inside the grey band of its figure, "
    "which shows chance, counts as no more than chance.",
)
