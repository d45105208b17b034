"""How two decompressions differ, in plain values that the core, the store and the pages all share.

A is the first of the two, B the second. Pages and the command line say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import decimal, in_sentence, percent, signed_percent
from assay.core.specs.diff import Change


def diff_finding(meta: Mapping[str, Any]) -> Finding:
    """The headline of a diff and what supports it."""
    if not meta["noise"]:
        return Finding(
            "Not distinguishable from noise: there is no floor.",
            (
                "Two runs of one model differ too. Without a second run of either model, with "
                "another seed, nothing says by how much, so no difference is reported.",
            ),
        )
    floor = meta["topics"]["floor"]
    if floor is None:
        return Finding(
            "Not distinguishable from noise: the floor could not be measured.",
            ("The two runs of one model were asked no question in common that both answered.",),
        )
    counts = meta["counts"]
    n_changed = sum(counts[f"n_{change}"] for change in Change)
    found = ", ".join(f"{n} {change}" for change in Change if (n := counts[f"n_{change}"]))
    headline = (
        f"{n_changed:,} of {counts['n_topics']:,} topics differ by more than noise: {found}."
        if n_changed
        else "No topic differs by more than two runs of one model do."
    )
    sentences = (
        _floor_sentence(floor, counts["n_topics"]),
        _check_sentence(meta["topics"]["n_noise_significant"]),
        *_share_sentences(meta),
        _examples_sentence(meta),
        _gaps_sentence(counts["n_gaps"]),
    )
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def _floor_sentence(floor: Mapping[str, Any], n_topics: int) -> str:
    how = "" if floor["is_distribution_free"] else ", taking the differences for normal"
    return (
        f"Between two runs of one model a topic's support differs by up to {floor['value']:.0%} "
        f"(an upper limit of 95% of {floor['n']:,} topics, with 95% confidence{how}). Nothing "
        f"smaller is reported, and nothing that is not significant among {n_topics:,} topics."
    )


def _check_sentence(n_noise_significant: int) -> str | None:
    if not n_noise_significant:
        return None
    return (
        f"Beware: the same test calls {n_noise_significant} topics different between two runs of "
        "one model, where it should call none; only the floor keeps such out."
    )


def _share_sentences(meta: Mapping[str, Any]) -> list[str]:
    sentences = []
    for side, (own, other) in {"lost": ("A", "B"), "gained": ("B", "A")}.items():
        row = meta["topics"][side]
        if row is None or "excess" not in row:
            continue
        excess = row["excess"]
        verdict = (
            f"more, by {_change(excess)}"
            if excess["low"] > 0
            else f"no more than noise (difference {_change(excess)})"
        )
        sentences.append(
            f"Of {own}'s {row['n']:,} topics that {other} could have named, {row['n_found']:,} "
            f"have no counterpart there ({_whole(row['share'])}); between two runs of one model "
            f"it is {_whole(row['noise'])}: {verdict}."
        )
    return sentences


def _examples_sentence(meta: Mapping[str, Any]) -> str | None:
    examples = meta["examples"]
    if examples["auc"] is None:
        return None
    auc = examples["auc"]
    return (
        f"{meta['counts']['n_examples_reported']:,} of {examples['n']:,} pairs of examples are "
        "less alike than two runs of one model explain. Two examples of one model are more alike "
        f"than one of A and one of B with probability "
        f"{in_sentence(auc, partial(decimal, digits=2))}, where 0.50 is no difference."
    )


def _gaps_sentence(n_gaps: int) -> str:
    if not n_gaps:
        return "No branch that both were asked about collapses from A to B."
    return f"{n_gaps:,} {'branches collapse' if n_gaps > 1 else 'branch collapses'} in B."


def _whole(row: Mapping[str, float]) -> str:
    return f"{percent(row['value'], 0)}, {percent(row['low'], 0)}–{percent(row['high'], 0)}"


def _change(row: Mapping[str, float]) -> str:
    return f"{signed_percent(row['low'])} to {signed_percent(row['high'])}"
