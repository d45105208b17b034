"""Other reasons than the models why two decompressions could differ."""

from __future__ import annotations

from assay.core.specs.results.diff import RunFacts


def caveats(first: RunFacts, second: RunFacts) -> list[str]:
    """Other reasons than the models why two runs could differ, and what is unknown."""
    found = []
    if first.backend != second.backend:
        found.append(
            f"A ran on {first.backend}, B on {second.backend}, which may sample "
            "differently. The same weights on two engines can differ by more than noise, so do "
            "not trust any difference until both models ran on the same engine."
        )
    if not (first.is_weights_hash and second.is_weights_hash):
        found.append(
            "A model on a server cannot be hashed, so only the server says whether two runs used "
            "the same model."
        )
    if first.judge != second.judge:
        found.append(
            f"The examples were graded by {first.judge} and {second.judge}, so their "
            "quality is not compared."
        )
    if first.line is None or second.line is None:
        found.append(
            "Made-up topics were not measured in both runs, so no branch can be compared with them."
        )
    return found
