"""What a suspect test says, in sentences made from its record, and what it takes for granted.

A record is plain values (``core.audit.suspect`` writes it): the page and the command line say the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.specs import shown_as
from core.verdict import SIGNIFICANCE, Verdict, p_value

Record = Mapping[str, Any]

ASSUMPTIONS = (
    "Suspects and controls were drawn alike: but for having been used, any document could as well "
    "have been in the other set.",
    "No control was used, in training the final model or the base.",
    "Nothing else that came between base and final model, such as other training data, favours the "
    "suspects: copies, quotations or near neighbours of them count as use.",
    "Both sets were fixed before any of their scores was seen, and the test is run once. Run on "
    "many sets, its p-values must be corrected for their number.",
)


def suspicion(record: Record) -> Verdict:
    """The headline and what supports it."""
    if record["is_refused"]:
        apart = [check for check in record["checks"] if check["is_refusal"] and check["is_apart"]]
        return Verdict(
            "Refused: suspects and controls can be told apart without any model.",
            tuple(
                f"By {check['name']} alone: AUC {_auc(check)}, where 0.5 is alike. A difference "
                "between the models' scores could then come from the texts, not from use."
                for check in apart
            ),
        )
    auc = record["auc"]
    is_found = record["p_value"] < SIGNIFICANCE
    headline = (
        "What fine-tuning changed favours the suspects over the controls"
        if is_found
        else "Nothing here says that the suspects were used"
    )
    sentences = [
        f"A suspect scores above a control with probability {_auc(auc)}; chance alone would give "
        f"a difference of means like this in {_share(record['p_value'])} of shuffles."
    ]
    if not is_found:
        sentences.append(
            "That is no proof that they were not: a few documents used among many, or used "
            "lightly, leave no trace that this many documents show."
        )
    for check in record["checks"]:
        if check["is_apart"]:
            sentences.append(
                f"Beware: {check['name']} tells the two sets apart (AUC {_auc(check)}), so they "
                "differ before any fine-tuning."
            )
    return Verdict(f"{headline}: {p_value(record['p_value'])}.", tuple(sentences))


def declared(record: Record) -> str:
    """The statistic in words."""
    names = [shown_as(name) for name in record["declared"]]
    return (
        "The statistic, fixed beforehand: the difference of means of a combined score, which is "
        f"the mean of the normal scores of {', '.join(names)}."
    )


def _share(value: float) -> str:
    return "less than 0.1%" if value < 0.001 else f"{100 * value:.1f}%"


def _auc(row: Record) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"
