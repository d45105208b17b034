"""How a strategy compares with a titration's controls, in sentences made from its metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean

from assay.core.findings.equal_scores import drawn_sentence
from assay.core.findings.finding import Finding
from assay.core.findings.formatting import (
    Row,
    capitalized,
    decimal,
    interval,
    listed,
    p_value,
    percent,
    possessive,
    verb,
)
from assay.core.findings.membership import NO_RIVALS
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, CONTROLS, shown_as
from assay.core.stats.intervals import (
    CHANCE_OUTSIDE,
    SIGNIFICANCE,
    Interval,
    holm,
    p_above_half,
    p_of_mean,
)


@dataclass(frozen=True)
class _Said:
    """All that is said of one strategy; ``is_member``: whether it distinguishes training documents,
    None if unknown."""

    headline: str
    drawn: str | None
    member: str | None
    is_member: bool | None
    domain: str | None
    recall: str | None


def titration_finding(rows: Iterable[Row], strategy: str, budget: int) -> Finding:
    """What the metrics at one budget say about ``strategy``, including where it loses.

    A row has leaked_share, strategy, budget, metric, value, low and high, and seed, which numbers
    the draw of the pool. Recall is compared with each control draw by draw, in the same pools
    (``_Against``). Membership is evaluated at the largest share, which has most documents, as
    for the whole audit: against chance, corrected for the strategies that were measured, and
    against text alone.
    """
    said = _said(rows, strategy, budget)
    sentences = (said.drawn, said.member, said.domain, said.recall)
    return Finding(said.headline, tuple(filter(None, sentences)))


def titration_in_brief(
    rows: Iterable[Row], strategy: str, budget: int, is_told: bool
) -> tuple[str, ...]:
    """The same beside an audit's own evidence: what that does not say already, and why the two
    differ if one distinguishes training documents (``is_told``: the audit does) and one does not.
    """
    said = _said(rows, strategy, budget)
    differs = said.is_member is not None and said.is_member != is_told
    sentences = (said.drawn, said.member if differs else None, said.recall)
    return (f"Titration: {said.headline}", *filter(None, sentences))


def _said(rows: Iterable[Row], strategy: str, budget: int) -> _Said:
    own = [row for row in rows if row["budget"] == budget]
    name = shown_as(strategy)
    subject = capitalized(name)
    drawn = {row["strategy"] for row in own if row["metric"] == Metric.EQUAL_SCORES}
    known = (_Against.of(own, strategy, one) for one in CONTROLS if one != strategy)
    compared = _corrected([one for one in known if one])
    beaten_by = [one for one in compared if one.is_fewer]
    member, is_member = _membership(own, strategy, budget)
    at_budget = f", at budget {budget:,}."
    apart = f"{verb(name, 'do')} not distinguish training documents from held-out ones"
    if strategy in drawn:
        headline = (
            f"{subject} {verb(name, 'rank')} no document above another: the selection is a random "
            "draw."
        )
    elif beaten_by:
        controls = [
            f"{one.control} (at {one.n_lower} of {one.n} leaked shares)" for one in beaten_by
        ]
        headline = (
            f"{subject} {verb(name, 'locate')} fewer training documents than {listed(controls)}"
            + (f", and {apart}" if is_member is False else "")
            + at_budget
        )
    elif is_member:
        headline = (
            f"{subject} {verb(name, 'distinguish')} training documents from held-out ones of the "
            f"same domain{at_budget}"
        )
    elif is_member is False:
        headline = f"{subject} {apart} of the same domain{at_budget}"
    else:
        headline = f"No control was found to locate more training documents than {name}{at_budget}"
    return _Said(
        headline,
        drawn_sentence(sorted(drawn)),
        member,
        is_member,
        _domain(own, strategy, budget),
        _recall_sentence(name, compared),
    )


@dataclass(frozen=True)
class _Against:
    """A strategy's recall compared with one control's.

    At how many of ``n`` shares its mean over draws is lower, and higher; each draw's mean
    difference over shares; and the p-value of their mean, None if there are too few draws for one.
    """

    control: str
    n_lower: int
    n_higher: int
    n: int
    differences: tuple[float, ...]
    p_value: float | None

    @classmethod
    def of(cls, rows: list[Row], strategy: str, control: str) -> _Against | None:
        """None if the two were never measured together."""
        ours, theirs = (_by_draw(rows, one, Metric.RECALL) for one in (strategy, control))
        both = ours.keys() & theirs.keys()
        if not both:
            return None
        by_share: dict[float, list[float]] = {}
        by_seed: dict[int, list[float]] = {}
        for share, seed in sorted(both):
            difference = ours[share, seed] - theirs[share, seed]
            by_share.setdefault(share, []).append(difference)
            by_seed.setdefault(seed, []).append(difference)
        differences = tuple(fmean(own) for own in by_seed.values())
        means = [fmean(own) for own in by_share.values()]
        return cls(
            shown_as(control),
            sum(mean < 0 for mean in means),
            sum(mean > 0 for mean in means),
            len(means),
            differences,
            p_of_mean(differences),
        )

    @property
    def is_fewer(self) -> bool:
        """Whether random draws of the pool rarely make such a difference."""
        is_more_than_chance = self.p_value is not None and self.p_value <= CHANCE_OUTSIDE
        return is_more_than_chance and fmean(self.differences) < 0


def _corrected(compared: list[_Against]) -> list[_Against]:
    """With the p-values as if all controls' were one test (Holm)."""
    tested = [one.p_value for one in compared if one.p_value is not None]
    corrected = iter(holm(tested))
    return [
        one if one.p_value is None else replace(one, p_value=next(corrected)) for one in compared
    ]


def _recall_sentence(name: str, compared: list[_Against]) -> str | None:
    """What was seen, and which of it is more than the draws' chance."""
    if not compared:
        return None
    counted = [f"that of {one.control} at {one.n_higher} of {one.n}" for one in compared]
    seen = f"{capitalized(possessive(name))} mean recall is above {listed(counted)} leaked shares"
    n_draws = len(compared[0].differences)
    tested = [one for one in compared if one.p_value is not None]
    if not tested:
        few = "1 draw of the pool is" if n_draws == 1 else f"{n_draws} draws of the pool are"
        return f"{seen}. This was not tested: {few} too few."
    found = ", ".join(f"{one.control} {p_value(one.p_value or 0.0)}" for one in tested)
    return (
        f"{seen}. Over the {n_draws} draws of the pool, paired t-test, corrected together (Holm): "
        f"{found}; threshold {CHANCE_OUTSIDE}."
    )


def _by_draw(rows: list[Row], strategy: str, metric: Metric) -> dict[tuple[float, int], float]:
    """The value at each leaked share and draw."""
    return {
        (row["leaked_share"], row.get("seed", 0)): row["value"]
        for row in rows
        if row["strategy"] == strategy and row["metric"] == metric
    }


def _membership(rows: list[Row], strategy: str, budget: int) -> tuple[str | None, bool | None]:
    """The sentence, and whether training documents are distinguished; None if unknown."""
    found = _at_largest_share(rows, strategy, Metric.MEMBERSHIP_AUC)
    if found is None:
        return None, None
    share, auc, low, high = found
    blind = _at_largest_share(rows, BLIND, Metric.MEMBERSHIP_AUC)
    n = len(_rivals(rows))
    p = min(1.0, n * p_above_half(Interval(auc, low, high)))
    is_member = p < SIGNIFICANCE and (blind is None or low > blind[1])
    sentence = (
        f"Membership, at leaked share {percent(share)} and budget {budget:,}: the AUC of "
        f"{possessive(shown_as(strategy))} ranking is {decimal(auc)} ({interval(low, high)}; 0.5 "
        f"is chance); {p_value(p)}"
        + (f" corrected for {n} strategies (Holm)" if n > 1 else "")
        + f", threshold {SIGNIFICANCE}"
    )
    if blind and strategy != BLIND:
        sentence += f"; text alone, which sees no model, has {decimal(blind[1])}"
    return sentence + ".", is_member


def _rivals(rows: list[Row]) -> set[str]:
    """The strategies whose ranking was measured."""
    own = {row["strategy"] for row in rows if row["metric"] == Metric.MEMBERSHIP_AUC}
    return own - NO_RIVALS


def _domain(rows: list[Row], strategy: str, budget: int) -> str | None:
    found = _at_largest_share(rows, strategy, Metric.DOMAIN_AUC)
    if found is None:
        return None
    share, auc, low, high = found
    sentence = (
        f"Domain, at leaked share {percent(share)} and budget {budget:,}: AUC {decimal(auc)} "
        f"({interval(low, high)}), which is not evidence of membership"
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
