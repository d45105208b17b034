"""The finding of an echo comparison, in sentences made from its record.

The record is written by ``core.decompress.echo``: the page and the command line say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import decimal, p_value, signed
from assay.core.findings.table_cells import TableCell, p_cell
from assay.core.specs.results.echo import EchoResult, EchoRow
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import SIGNIFICANCE

# Shorter runs occur in any two texts and are not searched for; this is what a longest run of 0
# means.
SHORTEST_RUN = 5


_NAMES = {
    "seed-corpus": "the seed corpus",
    "reference": "the reference set",
    "held-out": "the held-out documents",
}


def target_name(row: EchoRow) -> str:
    """What a row of the record compares the answers with."""
    if row.strategy:
        if row.strategy is Strategy.RANDOM:
            return "a random selection"
        return f"the selection by {row.strategy.shown_as}"
    return _NAMES[row.kind]


def echo_finding(record: EchoResult) -> Finding:
    """The headline and what supports it: about the reference set, otherwise SELECT's selection."""
    main = main_target(record)
    is_nearer = main.p_value < SIGNIFICANCE
    nearer = "nearer" if is_nearer else "no nearer"
    headline = (
        f"The final model's answers are {nearer} to {target_name(main)} than the base model's"
    )
    sentences = [
        f"The transport distance is {decimal(main.said)} for the final model and "
        f"{decimal(main.control)} for the base model: nearer by {signed(main.lead)}, where chance "
        f"gives {signed(main.null_low)} to {signed(main.null_high)}."
    ]
    pool = next(row for row in record.targets if row.kind == "seed-corpus")
    if is_nearer and pool.p_value < SIGNIFICANCE:
        sentences.append(
            f"They are also nearer to the whole seed corpus (by {signed(pool.lead)}), so part of "
            "this may be a change of style."
        )
    sentences += _about_held_out(record, main) if is_nearer else ()
    words, (own, others) = record.verbatim_words, main.verbatim
    sentences.append(
        f"{own:,} of the final model's {record.n_said:,} answers repeat at least {words} words in "
        f"a row from it, and {others:,} of the base model's {record.n_control:,} "
        f"({p_value(main.verbatim_p_value)}). {_longest(main)}"
    )
    p = f"{p_value(main.p_value)}, threshold {SIGNIFICANCE}"
    return Finding(f"{headline}: {p}.", tuple(sentences))


def _about_held_out(record: EchoResult, main: EchoRow) -> list[str]:
    """Whether the reference set is echoed, or only its domain."""
    held_out = next((row for row in record.targets if row.kind == "held-out"), None)
    if main.kind != "reference":
        return []
    if held_out is None:
        return [
            "There are no held-out documents, so an echo of these documents cannot be "
            "distinguished from an echo of their domain."
        ]
    lead = f"(by {signed(held_out.lead)}, {p_value(held_out.p_value)}, threshold {SIGNIFICANCE})"
    if held_out.p_value < SIGNIFICANCE:
        has_quotations = main.verbatim_p_value < SIGNIFICANCE
        only = "" if has_quotations else ", not of these documents in particular"
        return [
            f"They are also nearer to {target_name(held_out)} {lead}, which were not trained on: "
            f"the distance shows an echo of the domain{only}."
        ]
    return [f"They are no nearer to {target_name(held_out)} {lead}."]


def _longest(row: EchoRow) -> str:
    if not any(row.longest_run):
        return f"No answer repeats even {SHORTEST_RUN} words in a row."
    own, others = map(run_in_words, row.longest_run)
    return f"The longest repeated runs have {own} words (final model) and {others} words (base)."


def run_in_words(n_words: int) -> str:
    """The longest shared run of words, for people."""
    return str(n_words) if n_words else f"under {SHORTEST_RUN}"


def main_target(record: EchoResult) -> EchoRow:
    """The reference set if it is known, otherwise SELECT's selection, otherwise the last one."""
    rows = record.targets
    by_kind = {(row.kind, row.strategy): row for row in rows}
    for wanted in (("reference", None), ("selection", Strategy.SELECT)):
        if wanted in by_kind:
            return by_kind[wanted]
    return rows[-1]


def targets_table(record: EchoResult) -> pd.DataFrame:
    """One row per set: how near the models' answers are to it, and the words that they share."""
    return pd.DataFrame(
        {
            "compared with": target_name(row),
            "documents": row.n_documents,
            "distance, final | base": _both((row.said, row.control), decimal),
            "nearer by": _lead(row.lead),
            "chance": TableCell.of(
                f"{signed(row.null_low)} to {signed(row.null_high)}",
                low=row.null_low,
                high=row.null_high,
            ),
            "p": p_cell(row.p_value),
            "verbatim, final | base": _both(row.verbatim, str),
            # No number: the run is shorter than what is searched for, so its length is unknown.
            "longest run": _both([n or None for n in row.longest_run], _run),
            "near duplicates": _both(row.near_duplicates, str),
        }
        for row in record.targets
    )


def _both(numbers: Sequence[Any], written: Callable[[Any], str]) -> TableCell:
    final, base = numbers
    return TableCell.of(f"{written(final)} | {written(base)}", final=final, base=base)


def _lead(value: float) -> TableCell:
    return TableCell.of(signed(value), value=value)


def _run(n_words: int | None) -> str:
    return run_in_words(n_words or 0)
