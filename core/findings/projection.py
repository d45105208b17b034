"""How good the projection is that selections were made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def projection_sentence(projection: Mapping[str, Any]) -> str:
    """About a ``projection``: dimension, worth (None if unknown), estimates by strategy."""
    worth = projection["worth"]
    known = "" if worth is None else f", worth about {round_worth(worth):,} dense dimensions here"
    return (
        "The cosines are exact. Strategies chose by estimates from a projection to "
        f"{projection['dimension']:,} dimensions{known}."
    )


def round_worth(worth: float) -> int:
    """Rounded to two digits: more are not known."""
    return int(float(f"{worth:.2g}"))
