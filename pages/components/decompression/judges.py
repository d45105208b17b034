"""Which judges grade, and how reliable they are."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from assay.core.specs.decompression import HEURISTIC_JUDGE, Axis, ParseOutcome
from assay.core.specs.results.decompression import DecompressionResult, JudgeControl
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.escaping import markdown_safe

_HEURISTIC = (
    "Quality is graded by a heuristic without a judge model: by length, repetition and closeness "
    "to the task, from 0 to 4. It cannot tell whether a response is correct. `assay grade` adds "
    "grades by a judge model."
)


def chosen_judge(meta: DecompressionResult) -> str:
    """Whose grades to show; the user chooses if there are several."""
    names = [*(judge.label for judge in reversed(meta.judges)), HEURISTIC_JUDGE]
    if len(names) == 1:
        return HEURISTIC_JUDGE
    accept_choice("judge", "Quality graded by", names, _shown)
    return st.sidebar.selectbox(
        "Quality graded by", names, format_func=_shown, key="judge", bind="query-params"
    )


def judge_line(meta: DecompressionResult, judge: str) -> str:
    """The judge, and how well it distinguishes a response from one to another task."""
    if judge == HEURISTIC_JUDGE:
        return _HEURISTIC
    facts = next(one for one in meta.judges if one.label == judge)
    parts = [
        f"Quality is graded by {markdown_safe(judge)}, from 0 to 4: a language model's opinion."
    ]
    n_examples = meta.counts.n_examples
    if facts.n_graded < n_examples:
        parts.append(f"The budget was used up after {facts.n_graded:,} of {n_examples:,} examples.")
    if facts.n_unreadable:
        parts.append(
            f"{facts.n_unreadable:,} of {facts.n_graded:,} answers could not be parsed; "
            "those grades are empty."
        )
    return " ".join([*parts, _control(facts.control)])


def grades_table(grades: pd.DataFrame) -> pd.DataFrame:
    """One row per axis, one column per judge."""
    cells = [
        {"axis": row.axis, "judge": _shown(row.judge), "grade": _cell(row)}
        for row in grades.itertuples()
    ]
    wide = pd.DataFrame(cells).pivot(index="axis", columns="judge", values="grade")
    names = sorted(set(grades["judge"]), key=lambda name: (name == HEURISTIC_JUDGE, name))
    order = [_shown(name) for name in names]
    shown = wide.reindex([str(axis) for axis in Axis])[order].fillna("—")
    return shown.rename_axis("axis").reset_index().rename_axis(columns=None)


def judges_answers(grades: pd.DataFrame) -> list[tuple[str, str]]:
    """Each judge model's whole answer."""
    said = grades[grades["raw"].notna()].drop_duplicates("judge")
    return list(zip(said["judge"], said["raw"], strict=True))


def _control(control: JudgeControl | None) -> str:
    if control is None:
        return (
            "It was not measured whether this judge notices a response that belongs to another "
            "task."
        )
    n_pairs, n_higher, n_lower = (control.n_pairs, control.n_higher, control.n_lower)
    counts = (
        f"As a check, {n_pairs} tasks were graded again with a response from another topic. "
        f"The task's own response got the higher grade for helpfulness in {n_higher} cases and "
        f"the lower one in {n_lower}"
    )
    n_different = n_higher + n_lower
    if n_different:
        counts += (
            f": the higher one in {n_higher / n_different:.0%} of the cases that differ (95% "
            f"interval {control.low:.0%} to {control.high:.0%})"
        )
    if control.low > 0.5:
        return f"{counts}."
    doubt = (
        "**This judge does not reliably notice a response that belongs to another task**: do not "
        "rely on its grades."
    )
    return f"{doubt} {counts}."


def _cell(row: Any) -> str:
    if row.rung == ParseOutcome.FAILED:
        return "unreadable"
    if pd.isna(row.score):
        return "cannot tell"
    return f"{row.score:.1f}" if row.judge == HEURISTIC_JUDGE else f"{row.score:.0f}"


def _shown(judge: str) -> str:
    return judge if len(judge) <= _LONGEST else f"…{judge[1 - _LONGEST :]}"


# A folder's name can be long, and its end is more informative.
_LONGEST = 48
