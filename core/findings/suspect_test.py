"""The finding and assumptions of a suspect test, in sentences and tables made from its record.

The record is written by ``assay.core.audit.suspect_test``: the page, the report and the command
line say the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from assay.core.findings.finding import Finding
from assay.core.findings.formatting import in_sentence, listed, p_value, small_share
from assay.core.findings.table_cells import TableCell, bracketed_cell, p_cell
from assay.core.specs.results.suspect_test import ScorePart, SuspectResult
from assay.core.specs.strategies import BY_TRAINED_PARTS, shown_as
from assay.core.stats.intervals import SIGNIFICANCE

ASSUMPTIONS = (
    "Suspects and controls come from the same distribution: apart from having been trained on, any "
    "document could equally well be in the other set.",
    "No control was trained on, neither by the final model nor by the base model.",
    "Nothing else that happened between base and final model, such as training on other data, "
    "favours the suspects. Training on copies, quotations or close paraphrases of a suspect counts "
    "as training on it.",
    "Both sets were fixed before anybody saw their scores. The correction counts every test of "
    "this model pair in this store, deleted ones included, but none made elsewhere.",
)
HOW_TO_READ = (
    "AUC: the probability that a suspect is above a control; 0.5 means no difference. Square "
    "brackets: 95% intervals. Words: a classifier that sees only the documents' words (five-fold "
    "cross-validation). By chance, about one in ten tests of two sets from the same distribution "
    "is refused. Small differences, or differences between small sets, go unnoticed, so the "
    "p-value is only as good as the match between the two sets. If few suspects were trained on, "
    "more controls help: among 100 suspects and 100 controls, the five highest documents are all "
    "suspects in 3% of shuffles; with 300 controls, in 0.1%."
)

_NO_DIFFERENCE = TableCell.of("0.500", value=0.5)


def n_judged(records: Iterable[SuspectResult]) -> int:
    """How many tests gave a p-value."""
    return sum(not record.is_refused for record in records)


def is_evidence(record: SuspectResult, n_tests: int) -> bool:
    """Whether the test, corrected for ``n_tests`` of this pair, shows that suspects were used."""
    return record.p_value is not None and n_tests * record.p_value < SIGNIFICANCE


def suspect_finding(record: SuspectResult, n_tests: int = 1) -> Finding:
    """The headline and what supports it.

    ``n_tests``: how many tests of this pair gave a p-value; each is multiplied by their number
    (Bonferroni).
    """
    found = _compared(record, n_tests)
    return Finding(found.headline, (*found.sentences, *_ruled_out(record)))


def _ruled_out(record: SuspectResult) -> tuple[str, ...]:
    """What unmoved tokens prove about the suspects, whatever the comparison says."""
    known = record.ruled_out
    if known is None or not known.suspects:
        return ()
    why = "a token that fine-tuning never read: its row of the input embeddings did not move"
    left = record.n_suspects - known.suspects
    if not left:
        return (f"No suspect can have been trained on. Each has {why}.",)
    return (
        f"At most {left:,} of the {record.n_suspects:,} suspects can have been trained on. Each of "
        f"the others has {why}. The same is true of {known.controls:,} of the "
        f"{record.n_controls:,} controls.",
    )


def _compared(record: SuspectResult, n_tests: int) -> Finding:
    if record.is_refused:
        apart = [check for check in record.checks if check.is_refusal and check.is_apart]
        if not apart:
            return Finding(
                "Refused: there is nothing to compare by.",
                (f"{_constant(record)}.",),
            )
        return Finding(
            "Refused: suspects and controls can be distinguished without any model.",
            (
                *(
                    f"By {check.name} alone, the AUC is {in_sentence(check)}; 0.5 means no "
                    "difference."
                    for check in apart
                ),
                "A difference in the models' scores could therefore come from the texts instead of "
                "from training. Choose controls that resemble the suspects more closely.",
            ),
        )
    auc = record.auc
    assert auc is not None
    assert record.p_value is not None
    counted = min(1.0, n_tests * record.p_value)
    is_found = is_evidence(record, n_tests)
    headline = (
        "Fine-tuning favours the suspects over the controls"
        if is_found
        else "There is no evidence that the suspects were trained on"
    )
    sentences = [
        f"A suspect scores above a control with probability {in_sentence(auc)}; 0.5 means no "
        f"difference. {_shuffled(record)}"
    ]
    if is_found and record.n_at_least:
        sentences.append(
            f"At least {record.n_at_least:,} of the {record.n_suspects:,} suspects were trained on "
            "(95% confidence), if the assumptions hold."
        )
    if not is_found:
        sentences.append(
            "This does not prove that they were not: if only a few of them were trained on, or "
            "left little trace, a test of this size may miss it."
        )
    if record.constant:
        sentences.append(f"{_constant(record)}, which adds nothing to the comparison.")
    for check in record.checks:
        if check.is_apart:
            sentences.append(
                f"Caution: the two sets differ in {check.name} (AUC {in_sentence(check)}), "
                "which has nothing to do with fine-tuning."
            )
    number = p_value(counted) + (
        f" corrected for {n_tests} tests of this model pair" if n_tests > 1 else ""
    )
    return Finding(f"{headline}: {number}, threshold {SIGNIFICANCE}.", tuple(sentences))


def _shuffled(record: SuspectResult) -> str:
    """What the p-value is the share of."""
    assert record.p_value is not None
    share = f"If suspects and controls are shuffled, {small_share(record.p_value)} of shuffles"
    parts = record.p_values
    if parts is None:
        return f"{share} give at least as large a difference of their mean scores."
    return (
        f"{share} separate them at least as clearly, by their mean scores ({p_value(parts.mean)} "
        f"alone) or by their highest scores ({p_value(parts.highest)} alone)."
    )


def _constant(record: SuspectResult) -> str:
    names = [shown_as(name) for name in record.constant]
    return f"All documents have the same score by {listed(names)}"


def declared(record: SuspectResult) -> str:
    """The statistic in words, and how its p-value is computed."""
    names = [shown_as(name) for name in record.declared]
    strong = [shown_as(name) for name in record.declared if name in BY_TRAINED_PARTS]
    weighted = f" (two thirds of the weight are on {listed(strong)})" if strong else ""
    known = f"the average of {listed(names)}{weighted}, each turned into normal scores."
    closing = (
        "The p-values of the single scores are for information only and not corrected for their "
        "number."
    )
    if record.p_values is None:
        return (
            f"The test was fixed beforehand. It compares the means of a combined score: {known} "
            f"Its p-value comes from {record.n_shuffles:,} shuffles of suspects and controls. "
            f"{closing}"
        )
    return (
        f"The test was fixed beforehand. It compares two means. The first is of a combined score: "
        f"{known} It notices a small effect on many suspects. The second is of e to the power of "
        "1.5 z, where z is the same average in robust standard deviations from the median. It "
        "notices a large effect on few suspects. The smaller of their p-values counts. The "
        "p-value of the test corrects for this choice: it is the share of "
        f"{record.n_shuffles:,} shuffles of suspects and controls in which that number is as "
        f"small. {closing}"
    )


def set_sizes(record: SuspectResult) -> str:
    """How many documents the test has, and how many it dropped."""
    return (
        f"{record.n_suspects:,} suspects, {record.n_controls:,} controls; {record.n_dropped:,} "
        "documents dropped because they were in both sets, repeated, or had no tokens to score."
    )


def parts_table(record: SuspectResult) -> pd.DataFrame:
    """The combined score and its parts, for a test that was not refused."""
    assert record.auc is not None
    assert record.p_value is not None
    combined = ScorePart(
        record.auc.value, record.auc.low, record.auc.high, "combined", record.p_value
    )
    return pd.DataFrame(
        {
            "score": row.name if row.name == "combined" else shown_as(row.name),
            "AUC": bracketed_cell(row),
            "no difference": _NO_DIFFERENCE,
            "p": p_cell(row.p_value),
        }
        for row in [combined, *record.components]
    )


def checks_table(record: SuspectResult) -> pd.DataFrame:
    """The checks of whether the two sets differ where they should not."""
    return pd.DataFrame(
        {
            "check": check.name,
            "AUC": bracketed_cell(check),
            "no difference": _NO_DIFFERENCE,
            "result": ("sets differ: test refused" if check.is_refusal else "sets differ: caution")
            if check.is_apart
            else "no difference found",
        }
        for check in record.checks
    )
