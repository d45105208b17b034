"""How good the projection is that selections were made with."""

from __future__ import annotations

from assay.core.findings.formatting import percent
from assay.core.specs.results.audit import Projection


def projection_sentence(projection: Projection) -> str:
    """What selections were made with, beside cosines that are exact."""
    worth = projection.worth
    known = "" if worth is None else f", worth about {round_worth(worth):,} dense dimensions here"
    return (
        "The cosines are exact. Strategies chose by estimates from a projection to "
        f"{projection.dimension:,} dimensions{known}."
    )


def round_worth(worth: float) -> int:
    """Rounded to two digits: more are not known."""
    return int(float(f"{worth:.2g}"))


def estimated_cosines_sentence(projection: Projection | None) -> str | None:
    """How far cosines of mean gradients may be off that are taken from the projection; None where
    they are exact. A dense projection to k dimensions errs on a squared length by √(2 / k) of it,
    and so on a cosine by half of that."""
    worth = None if projection is None else projection.worth
    if not worth:
        return None
    return (
        "These cosines are estimates from a projection, each off by about "
        f"{percent((2 * worth) ** -0.5)} of itself beside what its interval says."
    )
