"""What else than the models could make two decompressions differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def caveats(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """What else than the models could make two runs differ, or cannot be told."""
    found = []
    if first["backend"] != second["backend"]:
        found.append(
            f"A was asked through {first['backend']}, B through {second['backend']}: whether both "
            "draw alike is not known here. The same weights asked through two engines were seen to "
            "differ by more than noise: believe no difference before both were asked through one."
        )
    if not (first["is_weights_hash"] and second["is_weights_hash"]):
        found.append(
            "A model that answered from a server could not be hashed: that two runs are of one "
            "model is what the server says."
        )
    if first["judge"] != second["judge"]:
        found.append(
            f"Examples were graded by {first['judge']} and by {second['judge']}, so their quality "
            "is not compared."
        )
    if first["line"] is None or second["line"] is None:
        found.append(
            "Made-up topics were not asked in both runs, so no branch can be said to fall to what "
            "they reach."
        )
    return found
