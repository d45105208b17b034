"""How a strategy compares with a titration's controls, in sentences made from its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from assay.core.findings.equal_scores import drawn_sentence
from assay.core.findings.finding import Finding
from assay.core.findings.formatting import decimal, interval, listed, percent
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, CONTROLS, shown_as

Row = Mapping[str, Any]


def titration_finding(rows: Iterable[Row], strategy: str, budget: int) -> Finding:
    """What the metrics at one budget say about ``strategy``, including where it loses.

    A row has leaked_share, strategy, budget, metric, value, low and high; several rows of one cell
    are draws. Membership is evaluated at the largest share, which has most documents, by the
    interval (normal, 95%), against chance and against text alone. The other sentences count the
    shares whose mean over draws is lower.
    """
    own = [row for row in rows if row["budget"] == budget]
    name = shown_as(strategy)
    drawn = {row["strategy"] for row in own if row["metric"] == Metric.EQUAL_SCORES}
    losses = [
        (shown_as(control), n_lost, n)
        for control in CONTROLS
        if control != strategy
        for n_lost, n in [_lost(own, strategy, control, Metric.RECALL)]
        if n
    ]
    beaten_by = [(control, n_lost, n) for control, n_lost, n in losses if 2 * n_lost > n]
    member, is_member = _membership(own, strategy)
    if strategy in drawn:
        headline = f"{name} has nothing to rank by: its selection is a random draw."
    elif beaten_by:
        headline = f"{name} locates fewer training documents than " + listed(
            [f"{control} (at {n_lost} of {n} leaked shares)" for control, n_lost, n in beaten_by]
        )
        headline += (
            ", and does not distinguish training documents from held-out ones."
            if (is_member is False)
            else "."
        )
    elif is_member:
        headline = f"{name} distinguishes training documents from held-out ones of the same domain."
    elif is_member is False:
        headline = (
            f"{name} does not distinguish training documents from held-out ones of the same domain."
        )
    else:
        headline = f"{name} locates at least as many training documents as the controls."
    sentences = [drawn_sentence(sorted(drawn)), member, _domain(own, strategy)]
    if losses:
        counted = ", ".join(f"{control}'s at {n_lost} of {n}" for control, n_lost, n in losses)
        sentences.append(f"{name}'s mean recall is below {counted} leaked shares.")
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def _lost(rows: list[Row], strategy: str, control: str, metric: Metric) -> tuple[int, int]:
    """At how many of all shares the control's mean is above the strategy's."""
    ours, theirs = _means(rows, strategy, metric), _means(rows, control, metric)
    shares = ours.keys() & theirs.keys()
    return sum(theirs[share] > ours[share] for share in shares), len(shares)


def _means(rows: list[Row], strategy: str, metric: Metric) -> dict[float, float]:
    values: dict[float, list[float]] = {}
    for row in rows:
        if row["strategy"] == strategy and row["metric"] == metric:
            values.setdefault(row["leaked_share"], []).append(row["value"])
    return {share: fmean(own) for share, own in values.items()}


def _membership(rows: list[Row], strategy: str) -> tuple[str | None, bool | None]:
    """The sentence, and whether training documents are distinguished; None if unknown."""
    found = _at_largest_share(rows, strategy, Metric.MEMBERSHIP_AUC)
    if found is None:
        return None, None
    share, auc, low, high = found
    blind = _at_largest_share(rows, BLIND, Metric.MEMBERSHIP_AUC)
    is_member = low > 0.5 and (blind is None or low > blind[1])
    sentence = (
        f"Membership, at leaked share {percent(share)}: the AUC of {shown_as(strategy)}'s ranking "
        f"is {decimal(auc)} ({interval(low, high)}; 0.5 is chance)"
    )
    if blind and strategy != BLIND:
        sentence += f"; text alone, which sees no model, has {decimal(blind[1])}"
    return sentence + ".", is_member


def _domain(rows: list[Row], strategy: str) -> str | None:
    found = _at_largest_share(rows, strategy, Metric.DOMAIN_AUC)
    if found is None:
        return None
    share, auc, low, high = found
    sentence = (
        f"Domain, at leaked share {percent(share)}: AUC {decimal(auc)} ({interval(low, high)}), "
        "which is not evidence of membership"
    )
    blind = _at_largest_share(rows, BLIND, Metric.DOMAIN_AUC)
    if blind and strategy != BLIND:
        relation = "does better" if blind[1] > auc else "does not do better"
        sentence += f"; text alone {relation}, with {decimal(blind[1])}"
    return sentence + "."


def _at_largest_share(
    rows: list[Row], strategy: str, metric: Metric
) -> tuple[float, float, float, float] | None:
    """Share, value and interval, each the mean over draws."""
    own = [r for r in rows if r["strategy"] == strategy and r["metric"] == metric]
    if not own:
        return None
    share = max(row["leaked_share"] for row in own)
    here = [row for row in own if row["leaked_share"] == share]
    value, low, high = (fmean(row[name] for row in here) for name in ("value", "low", "high"))
    return share, value, low, high
