"""What an echo comparison says, in sentences made from its record.

A record is plain values (``core.decompress.echo`` writes it): the page and the command line say
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import decimal, p_value, signed
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import SIGNIFICANCE

Record = Mapping[str, Any]
# A longest run of no words is one shorter than this: such are in any two texts and not looked for.
SHORTEST_RUN = 5


_NAMES = {
    "seed-corpus": "the seed corpus",
    "reference": "the reference set",
    "held-out": "documents like the reference set, not used",
}


def target_name(row: Record) -> str:
    """What a row of the record is held against."""
    if row["strategy"]:
        return f"selected by {Strategy(row['strategy']).shown_as}"
    return _NAMES[row["kind"]]


def echo_finding(record: Record) -> Finding:
    """The headline and what supports it: about the reference set, else SELECT's selection."""
    main = main_target(record)
    is_nearer = main["p_value"] < SIGNIFICANCE
    nearer = "nearer" if is_nearer else "no nearer"
    headline = f"What the final model says is {nearer} to {target_name(main)} than its base's words"
    sentences = [
        f"Transport distance {decimal(main['said'])} for the final model, "
        f"{decimal(main['control'])} for its base: a lead of "
        f"{signed(main['control'] - main['said'])}, where chance gives "
        f"{signed(main['null_low'])} to {signed(main['null_high'])}."
    ]
    pool = next(row for row in record["targets"] if row["kind"] == "seed-corpus")
    if is_nearer and pool["p_value"] < SIGNIFICANCE:
        sentences.append(
            f"It is nearer to the seed corpus at large, too (lead "
            f"{signed(pool['control'] - pool['said'])}): part of this may be a change of style."
        )
    sentences += _about_held_out(record, main) if is_nearer else ()
    words, (own, others) = record["verbatim_words"], main["verbatim"]
    sentences.append(
        f"A run of {words} words or more from it is in {own} of {record['n_said']} answers, and "
        f"in {others} of {record['n_control']} of the base model's "
        f"({p_value(main['verbatim_p_value'])}); the longest runs have "
        f"{' and '.join(map(run_in_words, main['longest_run']))} words."
    )
    return Finding(f"{headline}: {p_value(main['p_value'])}.", tuple(sentences))


def _about_held_out(record: Record, main: Record) -> list[str]:
    """Whether it is the reference set that is echoed, or its kind of text."""
    held_out = next((row for row in record["targets"] if row["kind"] == "held-out"), None)
    if main["kind"] != "reference":
        return []
    if held_out is None:
        return [
            "No held-out documents of its kind are known, so nothing here tells these documents "
            "from this kind of text."
        ]
    lead = (
        f"(lead {signed(held_out['control'] - held_out['said'])}, {p_value(held_out['p_value'])})"
    )
    if held_out["p_value"] < SIGNIFICANCE:
        has_quotations = main["verbatim_p_value"] < SIGNIFICANCE
        only = "" if has_quotations else "; nothing here says that it is these documents"
        return [
            f"It is nearer to {target_name(held_out)}, as well {lead}: by distance it is this kind "
            f"of text that is echoed{only}."
        ]
    return [f"It is no nearer to {target_name(held_out)} {lead}."]


def run_in_words(n_words: int) -> str:
    """The longest run of words in common, as people read it."""
    return str(n_words) if n_words else f"under {SHORTEST_RUN}"


def main_target(record: Record) -> Record:
    """The reference set where it is known, else SELECT's selection, else the last one."""
    rows = record["targets"]
    by_kind = {(row["kind"], row["strategy"]): row for row in rows}
    for wanted in (("reference", None), ("selection", str(Strategy.SELECT))):
        if wanted in by_kind:
            row: Record = by_kind[wanted]
            return row
    last: Record = rows[-1]
    return last
