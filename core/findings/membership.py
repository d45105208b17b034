"""Which ranking best separates training documents from held-out ones, SELECT included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.core.findings.formatting import Row, capitalized, in_sentence, p_value
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BASELINE_TITLES, BLIND, STRATEGY_TITLES, Strategy, shown_as
from assay.core.stats.intervals import SIGNIFICANCE

# These cannot win: the first has no information, the second is trained on known roles.
# One that knows nothing, and one that knows the roles.
NO_RIVALS = frozenset({Strategy.RANDOM, BLIND})


@dataclass(frozen=True)
class MembershipFinding:
    """``winner``: the ranking with the highest membership AUC; ``is_found``: whether that is more
    than chance and than text alone; ``is_clear``: whether it is above the main strategy's, paired,
    and None where that is the winner itself. ``finder``: of
    the rankings that are more than chance and than text alone both by AUC and by their true
    positive rate at a false positive rate of 1%, the one whose rate is surely highest; None where
    no ranking is. Every p-value counts ``n_rankings`` times."""

    winner: str
    is_found: bool
    is_clear: bool | None
    headline: str
    sentence: str
    n_rankings: int
    finder: str | None

    def corrected(self, row: Row) -> float:
        """A ranking's p-value, as one of all that were tried (the first step of Holm's)."""
        return float(min(1.0, self.n_rankings * row["p_value"]))


def membership_finding(rows: Iterable[Row], main: str) -> MembershipFinding | None:
    """None if no held-out documents are known, so that nothing was evaluated.

    A row has subject, metric, value, low, high and p_value.
    """
    by_name = {(row["subject"], row["metric"]): row for row in rows}
    aucs = {
        name: row
        for name in (*STRATEGY_TITLES, *BASELINE_TITLES, BLIND)
        if (row := by_name.get((name, Metric.MEMBERSHIP_AUC)))
    }
    rivals = {
        name: row
        for name, row in aucs.items()
        if name not in NO_RIVALS and (name, Metric.EQUAL_SCORES) not in by_name
    }
    if not rivals:
        return None
    winner = max(rivals, key=lambda name: rivals[name]["value"])
    best, own, blind = rivals[winner], aucs.get(main), aucs.get(BLIND)
    n = len(rivals)
    is_found = _passes(best, blind, n)
    lead = by_name.get((winner, Metric.MEMBERSHIP_LEAD))
    is_clear = None if lead is None else n * lead["p_value"] < SIGNIFICANCE
    counted = min(1.0, n * best["p_value"])
    tested = (
        p_value(counted)
        + (f" corrected for {n} rankings (Holm)" if n > 1 else "")
        + f", threshold {SIGNIFICANCE}"
    )
    if is_found:
        has = "has the highest AUC," if n > 1 else "has an AUC of"
        sentence = f"Membership: {_of_all(winner, n)} {has} {in_sentence(best)} ({tested})"
    elif counted >= SIGNIFICANCE:
        sentence = (
            f"Membership: {_none(n)} better than chance, an AUC of 0.5; {shown_as(winner)} "
            f"{'comes nearest, with' if n > 1 else 'has'} {in_sentence(best)} ({tested})"
        )
    else:
        sentence = (
            f"Membership: {_none(n)} better than text alone; "
            f"{shown_as(winner)} has an AUC of {in_sentence(best)} ({tested})"
        )
    if own is not None and winner != main:
        sentence += f"; {shown_as(main)} has {in_sentence(own)}"
    if blind is not None:
        sentence += (
            "; text alone, which is trained on known roles but sees no model, has "
            f"{in_sentence(blind)}"
        )
    rates = {name: row for name in rivals if (row := by_name.get((name, Metric.MEMBERSHIP_TPR)))}
    blind_rate = by_name.get((BLIND, Metric.MEMBERSHIP_TPR))
    finders = [
        name
        for name, rate in rates.items()
        if _passes(rivals[name], blind, n) and _passes(rate, blind_rate, n)
    ]
    return MembershipFinding(
        winner,
        is_found,
        is_clear,
        _headline(winner, main, n, is_found, is_clear),
        sentence + ".",
        n,
        max(finders, key=lambda name: rates[name]["low"], default=None),
    )


def _passes(row: Row, blind: Row | None, n: int) -> bool:
    """Whether it is more than chance, as one of ``n``, and surely more than text alone."""
    is_chance = n * row["p_value"] >= SIGNIFICANCE
    return not is_chance and (blind is None or row["low"] > blind["value"])


def _of_all(winner: str, n: int) -> str:
    name = shown_as(winner)
    return f"of {n} rankings, the one by {name}" if n > 1 else f"the ranking by {name}"


def _none(n: int) -> str:
    return f"none of {n} rankings does" if n > 1 else "the ranking does no"


def _headline(winner: str, main: str, n: int, is_found: bool, is_clear: bool | None) -> str:
    if not is_found:
        of = f"None of {n} rankings distinguishes" if n > 1 else "The ranking does not distinguish"
        return f"{of} training documents from held-out ones."
    best = "best distinguishes" if n > 1 else "distinguishes"
    headline = f"{capitalized(_of_all(winner, n))} {best} training documents from held-out ones"
    if winner != main and not is_clear:
        headline += f", but not clearly better than {shown_as(main)}"
    return headline + "."
