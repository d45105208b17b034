"""How two decompressions differ, in sentences made from the diff's numbers.

A is the first of the two, B the second. Pages and the command line say the same.
"""

from __future__ import annotations

from functools import partial

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import decimal, in_sentence, percent, signed_percent
from assay.core.specs.diff import Change
from assay.core.specs.interval import Interval
from assay.core.specs.results.diff import DiffResult, NoiseFloor


def diff_finding(meta: DiffResult) -> Finding:
    """The headline of a diff and what supports it."""
    if not meta.noise:
        return Finding(
            "Not distinguishable from noise: there is no noise run.",
            (
                "Two runs of the same model differ, too. Without a second run of either model with "
                "another seed it is unknown by how much, so no difference is reported.",
            ),
        )
    floor = meta.topics.floor
    if floor is None:
        return Finding(
            "Not distinguishable from noise: the noise could not be measured.",
            ("The two runs of the same model have no question in common that both answered.",),
        )
    counts = meta.counts
    n_changed = sum(counts.of(change) for change in Change)
    found = ", ".join(f"{n} {change}" for change in Change if (n := counts.of(change)))
    headline = (
        f"{n_changed:,} of {counts.n_topics:,} topics differ by more than noise: {found}."
        if n_changed
        else "No topic differs by more than two runs of the same model do."
    )
    sentences = (
        _floor_sentence(floor, counts.n_topics),
        _check_sentence(meta.topics.n_noise_significant),
        *_share_sentences(meta),
        _examples_sentence(meta),
        _gaps_sentence(counts.n_gaps),
    )
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def _floor_sentence(floor: NoiseFloor, n_topics: int) -> str:
    how = "" if floor.is_distribution_free else ", assuming normally distributed differences"
    if floor.value >= 1:
        return (
            f"Two runs of the same model share only {floor.n:,} topics to measure noise by, "
            "too few to rule out that noise alone changes a topic's support from none to all "
            f"(upper bound for 95% of topics, with 95% confidence{how}), so no change of support "
            "is reported."
        )
    return (
        f"Between two runs of the same model a topic's support differs by up to "
        f"{floor.value:.0%} (an upper bound for 95% of {floor.n:,} topics, with 95% "
        f"confidence{how}). Only larger differences are reported, and only if they are significant "
        f"among {n_topics:,} topics."
    )


def _check_sentence(n_noise_significant: int) -> str | None:
    if not n_noise_significant:
        return None
    return (
        f"Caution: the same test finds {n_noise_significant} topics different between two runs of "
        "the same model, where it should find none. Only the noise floor excludes such topics."
    )


def _share_sentences(meta: DiffResult) -> list[str]:
    sentences = []
    for side, (own, other) in {"lost": ("A", "B"), "gained": ("B", "A")}.items():
        row = meta.topics.lost if side == "lost" else meta.topics.gained
        if row is None or row.share is None or row.noise is None or row.excess is None:
            continue
        excess = row.excess
        verdict = (
            f"more, by {_change(excess)}"
            if excess.low > 0
            else f"not more than noise (difference {_change(excess)})"
        )
        sentences.append(
            f"{row.n_found:,} of {own}'s {row.n:,} topics that {other} could have named have "
            f"no counterpart there ({_whole(row.share)}). Between two runs of the same model "
            f"it is {_whole(row.noise)}: {verdict}."
        )
    return sentences


def _examples_sentence(meta: DiffResult) -> str | None:
    examples = meta.examples
    if examples.auc is None:
        return None
    auc = examples.auc
    return (
        f"{meta.counts.n_examples_reported:,} of {examples.n:,} pairs of examples are "
        "less similar than two runs of the same model explain. Two examples of the same model are "
        f"more similar than one of A and one of B with probability "
        f"{in_sentence(auc, partial(decimal, digits=2))}, where 0.50 means no difference."
    )


def _gaps_sentence(n_gaps: int) -> str:
    if not n_gaps:
        return "No branch that both were asked about collapses in B."
    return f"{n_gaps:,} {'branches collapse' if n_gaps > 1 else 'branch collapses'} in B."


def _whole(row: Interval) -> str:
    return f"{percent(row.value, 0)}, {percent(row.low, 0)}–{percent(row.high, 0)}"


def _change(row: Interval) -> str:
    return f"{signed_percent(row.low)} to {signed_percent(row.high)}"
