"""Which public set the weights point to, in sentences made from the rows of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.verdict import Verdict, percent

Row = Mapping[str, Any]


def attribution(sources: Iterable[Row], students: Iterable[Row]) -> Verdict:
    """The nearest source, and whether it comes near what it would reach if it were the one.

    sources: rows of kind 'source'; students: rows of models trained on half of a source. "None of
    these" where even the nearest stays below every student of its own.
    """
    ranked = sorted(sources, key=lambda row: -row["cosine"])
    nearest = ranked[0]
    own = [row["cosine"] for row in students if row["source"] == nearest["name"]]
    name = nearest["name"]
    rivals = [row["name"] for row in ranked[1:] if row["high"] >= nearest["low"]]
    found = f"{nearest['cosine']:.3f} ({nearest['low']:.3f}–{nearest['high']:.3f})"
    sentences = [
        f"The mean gradient of {name} has a cosine of {found} with the weight difference; "
        "documents drawn from all sources together have "
        f"{nearest['null_low']:.3f}–{nearest['null_high']:.3f}."
    ]
    if nearest["low"] <= 0:
        headline = "None of these sets is aligned with the weight difference."
    elif own and nearest["high"] < min(own):
        headline = (
            f"None of these sets explains the weight difference by itself; nearest is {name}."
        )
    elif rivals:
        headline = f"{name} and {', '.join(rivals)} are aligned with the weight difference alike."
    else:
        headline = f"Of these sets, {name} is the most aligned with the weight difference."
    if own:
        reached = f"{min(own):.3f}" + (f"–{max(own):.3f}" if len(own) > 1 else "")
        sentences.append(
            f"Trained here on one half of {name}, a model reaches {reached} with its other half "
            f"({len(own)} tried)."
        )
    shares = ", ".join(
        f"{row['name']} {percent(row['share'])} ({100 * row['share_low']:.0f}–"
        f"{100 * row['share_high']:.0f})"
        for row in sorted(ranked, key=lambda row: -row["share"])
    )
    sentences.append(f"As a mixture of these sets, to first order: {shares}.")
    return Verdict(headline, tuple(sentences))
