"""What a comparison of several audits says, in sentences. Audits are called A, B, C …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.core.comparison.audits import Comparison
from assay.core.comparison.differences import Difference
from assay.core.comparison.overlaps import SelectionOverlap
from assay.core.findings.formatting import capitalized, decimal, listed, p_value, percent, verb
from assay.core.specs.audit import Assessability
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import shown_as
from assay.core.stats.intervals import CHANCE_OUTSIDE

# Of differences that are larger than chance, the headline takes the first of these.
_ORDER = (Metric.MEMBERSHIP_AUC, Metric.RECALL, Metric.ACCURACY, Metric.LOSS)


@dataclass(frozen=True)
class ComparisonFinding:
    """``headline``: what is different; ``certainty``: how sure that is; ``sentences``: more."""

    headline: str
    certainty: str
    sentences: tuple[str, ...]


def letter(place: int) -> str:
    """What an audit of a comparison is called."""
    return "ABCDEFGH"[place]


def letters(pair: tuple[int, int]) -> str:
    return " and ".join(map(letter, pair))


def comparison_finding(found: Comparison) -> ComparisonFinding:
    """The surest difference first, else that there is none, or why nothing can be tested."""
    tested = [one for one in found.differences if one.metric is not Metric.PRECISION]
    larger = [one for one in tested if one.is_larger_than_chance]
    sentences = tuple(_sentences(found, larger))
    who = listed([letter(i) for i in range(len(found.sides))])
    if larger:
        lead = min(larger, key=lambda one: (_ORDER.index(one.metric), -one.surely))
        return ComparisonFinding(difference_sentence(lead), _certainty(lead, found), sentences)
    if not any(shared.n for shared in found.shared.values()):
        return ComparisonFinding(
            f"{who} have no document in common, so no difference between them can be tested.",
            "Their figures stand side by side, each with its own interval.",
            sentences,
        )
    if not tested:
        return ComparisonFinding(
            f"No difference between {who} can be tested.",
            "A test needs documents whose roles (trained on or held out) both audits know, or "
            "students tested on the same documents.",
            sentences,
        )
    if not found.n_tests:
        return ComparisonFinding(
            f"{who} give equal results for every document that they share.",
            f"All {len(tested)} rankings, selections and students that both have are identical.",
            sentences,
        )
    nearest = min(tested, key=lambda one: (one.is_identical, one.p_value))
    return ComparisonFinding(
        f"No difference between {who} is larger than chance explains.",
        f"{_clearest(found.n_tests)} {values_sentence(nearest)} {_certainty(nearest, found)}",
        sentences,
    )


def difference_sentence(one: Difference) -> str:
    """By which quantity one of two audits is better, where that is more than chance."""
    better, worse = reversed(one.pair) if one.is_second_better else one.pair
    high, low = reversed(one.values) if one.is_second_better else one.values
    name = shown_as(one.subject)
    subject = capitalized(name)
    where = f"in {letter(better)} than in {letter(worse)}"
    if one.metric is Metric.MEMBERSHIP_AUC:
        return (
            f"{subject} {verb(name, 'rank')} training documents above held-out ones more often "
            f"{where}: AUC {decimal(high)} against {decimal(low)}."
        )
    if one.metric is Metric.RECALL:
        return (
            f"{subject} {verb(name, 'locate')} more training documents {where}: "
            f"{round(high * one.n):,} against {round(low * one.n):,} of {one.n:,}, "
            f"among {one.n_selected:,} selected in each."
        )
    what, written = ("accuracy", percent) if one.metric is Metric.ACCURACY else ("loss", decimal)
    return (
        f"The student of {name} is better {where}: {what} {written(high)} against {written(low)}."
    )


def values_sentence(one: Difference) -> str:
    """The values of one quantity in both audits, without calling one of them better."""
    name = shown_as(one.subject)
    first, second = map(letter, one.pair)
    if one.metric is Metric.RECALL:
        located = [f"{round(value * one.n):,}" for value in one.values]
        return (
            f"of {one.n:,} training documents, the {one.n_selected:,} that {name} selected contain "
            f"{located[0]} in {first} and {located[1]} in {second}."
        )
    what, written = {
        Metric.MEMBERSHIP_AUC: ("the AUC of ranking by", decimal),
        Metric.ACCURACY: ("the accuracy of the student of", percent),
    }.get(one.metric, ("the loss of the student of", decimal))
    return (
        f"{what} {name} is {written(one.values[0])} in {first} and {written(one.values[1])} in "
        f"{second}."
    )


def overlap_sentence(one: SelectionOverlap, n_overlaps: int) -> str:
    """How many documents two selections have in common, and how many by chance."""
    chance = one.by_chance
    return (
        f"{letters(one.pair)} have {one.n_both:,} of the first {one.n_selected:,} documents of "
        f"{one.strategy.shown_as} in common; chance alone gives {chance.value:.0f} (95% range "
        f"{chance.low:.0f} to {chance.high:.0f}); {p_value(one.corrected)}"
        f"{_for(n_overlaps, 'overlap')}."
    )


def settings_sentence(found: Comparison) -> str:
    """In how many settings the audits agree, and in which not."""
    n, differing = len(found.settings), [one.name for one in found.differing]
    if not differing:
        return f"All {n} settings are the same."
    same = f"The audits share {n - len(differing)} of {n} settings."
    named = [f"`{one}`" if one.startswith("--") else one for one in differing]
    return f"{same} They differ in {listed(named)}."


def selected_by(places: tuple[int, ...], n_audits: int) -> str:
    """Who selected a document: only A, or A and B."""
    names = listed([letter(place) for place in places])
    if len(places) == 1:
        return f"only {names}"
    return f"all of {names}" if len(places) == n_audits > 2 else names


def _certainty(one: Difference, found: Comparison) -> str:
    own = one.difference
    # Of the larger value less the smaller one.
    low, high = (-own.high, -own.low) if own.value < 0 else (own.low, own.high)
    is_share = one.metric in (Metric.RECALL, Metric.ACCURACY)
    scale, unit, digits = (100, " percentage points", 1) if is_share else (1, "", 3)
    value, lowest, highest = (f"{scale * x:.{digits}f}" for x in (abs(own.value), low, high))
    return (
        f"The difference is {value}{unit} (95% interval {lowest} to {highest}), paired over "
        f"{one.n:,} documents; {p_value(one.corrected)}{_for(found.n_tests, 'comparison')}, "
        f"threshold {CHANCE_OUTSIDE}."
    )


def _for(n: int, what: str) -> str:
    return f" corrected for {n:,} {what}s (Holm)" if n > 1 else ""


def _clearest(n_tests: int) -> str:
    return f"The clearest of {n_tests:,} paired comparisons:" if n_tests > 1 else "One was tested:"


def _sentences(found: Comparison, larger: list[Difference]) -> Iterator[str]:
    n_identical = sum(
        one.is_identical for one in found.differences if one.metric is not Metric.PRECISION
    )
    if larger and found.n_tests > 1:
        differ = "differs" if len(larger) == 1 else "differ"
        yield (
            f"{len(larger):,} of {found.n_tests:,} paired comparisons {differ} by more than chance."
        )
    if n_identical and found.n_tests:
        more = "comparison has" if n_identical == 1 else "comparisons have"
        yield f"{n_identical:,} more {more} the same value in both audits and need no test."
    yield from _common(found)
    yield from _documents(found)
    yield from _untested(found)


def _common(found: Comparison) -> Iterator[str]:
    """How much the selections of the leading strategy have in common."""
    own = [one for one in found.overlaps if one.strategy is found.leading]
    n = len(found.overlaps)
    if len(own) <= 2:
        yield from (overlap_sentence(one, n) for one in own)
        return
    by_share = sorted(own, key=lambda one: one.n_both / one.n_selected)
    yield f"Most alike: {overlap_sentence(by_share[-1], n)}"
    yield f"Least alike: {overlap_sentence(by_share[0], n)}"


def _documents(found: Comparison) -> Iterator[str]:
    first = found.sides[0]
    others = [(j, found.shared[0, j]) for j in range(1, len(found.sides))]
    same = [letter(0), *(letter(j) for j, shared in others if shared.is_whole)]
    if len(same) > len(others):
        yield f"All search the same {first.n_documents:,} documents."
        return
    said = [
        f"{letter(j)} searches {found.sides[j].n_documents:,}, of which {letter(0)} also searches "
        f"{shared.n:,}."
        for j, shared in others
        if not shared.is_whole
    ]
    who = f"{listed(same)} search the same" if len(same) > 1 else f"{letter(0)} searches"
    yield (
        f"{who} {first.n_documents:,} documents. {' '.join(said)} Comparisons use only documents "
        "that both audits search, in each audit's order of selection."
    )


def _untested(found: Comparison) -> Iterator[str]:
    not_scored = [
        letter(i)
        for i, side in enumerate(found.sides)
        if side.facts.assessability is Assessability.NOT_ASSESSABLE
    ]
    if not_scored:
        yield f"{listed(not_scored)} could not be assessed, so no documents were scored there."
    without: dict[str, list[str]] = {"roles": [], "students": []}
    for j in range(1, len(found.sides)):
        metrics = {one.metric for one in found.differences if one.pair == (0, j)}
        if not metrics & {Metric.MEMBERSHIP_AUC, Metric.RECALL}:
            without["roles"].append(f"between {letters((0, j))}")
        if not metrics & {Metric.ACCURACY, Metric.LOSS}:
            without["students"].append(f"between {letters((0, j))}")
    if without["roles"]:
        yield (
            f"Rankings and located documents cannot be compared {listed(without['roles'])}: both "
            "audits must know which of the documents they share were trained on."
        )
    if without["students"]:
        yield (
            f"Students cannot be compared {listed(without['students'])}: both audits must have "
            "students, the same test documents, and two or more students of random selections."
        )
