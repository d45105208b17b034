"""What a suspect test says, in sentences and tables made from its record, and what it assumes.

A record is plain values (``assay.core.audit.suspect_test`` writes it): the page, the report and the
command line say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import in_sentence, p_value, small_share
from assay.core.findings.table_cells import TableCell, bracketed_cell, p_cell
from assay.core.specs.strategies import shown_as
from assay.core.stats.intervals import SIGNIFICANCE

Record = Mapping[str, Any]

ASSUMPTIONS = (
    "Suspects and controls were drawn alike: but for having been used, any document could as well "
    "have been in the other set.",
    "No control was used, in training the final model or the base.",
    "Nothing else that came between base and final model, such as other training data, favours the "
    "suspects: copies, quotations or near neighbours of them count as use.",
    "Both sets were fixed before any of their scores was seen. Each test of the pair that is in "
    "the store is counted; ones made elsewhere, or deleted, are not.",
)
HOW_TO_READ = (
    "Square brackets: 95% intervals. Words: a classifier of words that is told which four fifths "
    "of the documents are suspects and asked the rest, and sees no model. Two sets alike are "
    "refused by chance in about one of ten tests. Sets that small differences or few documents "
    "keep from being told apart pass: a p-value is worth no more than the likeness of the sets."
)

_NO_DIFFERENCE = TableCell.of("0.500", value=0.5)


def n_judged(records: Iterable[Record]) -> int:
    """How many tests gave a p-value."""
    return sum(not record["is_refused"] for record in records)


def suspect_finding(record: Record, n_tests: int = 1) -> Finding:
    """The headline and what supports it.

    ``n_tests``: how many tests of this pair gave a p-value; each is multiplied by their number
    (Bonferroni).
    """
    if record["is_refused"]:
        apart = [check for check in record["checks"] if check["is_refusal"] and check["is_apart"]]
        return Finding(
            "Refused: suspects and controls can be told apart without any model.",
            tuple(
                f"By {check['name']} alone: AUC {in_sentence(check)}, where 0.5 is alike. A "
                "difference between the models' scores could then come from the texts, not from "
                "use."
                for check in apart
            ),
        )
    auc = record["auc"]
    counted = min(1.0, n_tests * record["p_value"])
    is_found = counted < SIGNIFICANCE
    headline = (
        "What fine-tuning changed favours the suspects over the controls"
        if is_found
        else "Nothing here says that the suspects were used"
    )
    sentences = [
        f"A suspect scores above a control with probability {in_sentence(auc)}; chance alone "
        f"would give a difference of means like this in {small_share(record['p_value'])} of "
        "shuffles."
    ]
    if not is_found:
        sentences.append(
            "That is no proof that they were not: a few documents used among many, or used "
            "lightly, leave no trace that this many documents show."
        )
    for check in record["checks"]:
        if check["is_apart"]:
            sentences.append(
                f"Beware: {check['name']} tells the two sets apart (AUC {in_sentence(check)}), so "
                "they differ before any fine-tuning."
            )
    number = p_value(counted) + (
        f" with all {n_tests} tests of this pair counted" if n_tests > 1 else ""
    )
    return Finding(f"{headline}: {number}.", tuple(sentences))


def declared(record: Record) -> str:
    """The statistic in words, and what its p-value is from."""
    names = [shown_as(name) for name in record["declared"]]
    return (
        "The statistic, fixed beforehand: the difference of means of a combined score, which is "
        f"the mean of the normal scores of {', '.join(names)}. Its p-value is from "
        f"{record['n_shuffles']:,} shuffles of the roles, and counts; those of the parts are for "
        "information and not corrected for their number."
    )


def set_sizes(record: Record) -> str:
    """How many documents the test has, and how many it left out."""
    return (
        f"{record['n_suspects']:,} suspects, {record['n_controls']:,} controls; "
        f"{record['n_dropped']:,} dropped that were in both sets, twice in one, or held nothing "
        "to score."
    )


def parts_table(record: Record) -> pd.DataFrame:
    """The combined score and what it is made of, of a test that was not refused."""
    rows = [{"name": "combined", "p_value": record["p_value"], **record["auc"]}]
    return pd.DataFrame(
        {
            "score": row["name"] if row["name"] == "combined" else shown_as(row["name"]),
            "AUC": bracketed_cell(row),
            "by chance": _NO_DIFFERENCE,
            "p": p_cell(row["p_value"]),
        }
        for row in [*rows, *record["components"]]
    )


def checks_table(record: Record) -> pd.DataFrame:
    """What tells the sets apart that should not."""
    return pd.DataFrame(
        {
            "told apart by": check["name"],
            "AUC": bracketed_cell(check),
            "alike": _NO_DIFFERENCE,
            "": ("refuses the test" if check["is_refusal"] else "beware")
            if check["is_apart"]
            else "not told apart",
        }
        for check in record["checks"]
    )
