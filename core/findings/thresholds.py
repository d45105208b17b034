"""Which result counts, stated once: what pages and reports call evidence, and what chance."""

from __future__ import annotations

from assay.core.stats.intervals import CHANCE_OUTSIDE, CONFIDENCE, SIGNIFICANCE

THRESHOLDS = (
    f"A result is evidence that documents were trained on if p < {SIGNIFICANCE}, corrected for the "
    "number of rankings or tests (Holm), and if it is more than text alone finds.",
    f"A selection or its student is called closer than random ones if p ≤ {CHANCE_OUTSIDE}. The "
    "main strategy's comparison was declared beforehand and is not corrected; all others are "
    "corrected together (Holm).",
    "Single documents are found at a false positive rate of 1%: of 100 documents that were not "
    "trained on, one is taken for a training document.",
    f"Intervals are {CONFIDENCE:.0%} intervals. Grey bands in figures show chance: a value inside "
    "its band is called no more than chance.",
)
