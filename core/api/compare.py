"""`assay.compare`: how two or more finished audits differ, and how sure that is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from assay.core.api.as_html import comparison_as_html
from assay.core.api.audit import Audit
from assay.core.api.open import open_audit
from assay.core.comparison.audits import Comparison, check_number
from assay.core.comparison.audits import compare as compared
from assay.core.findings.comparison import (
    ComparisonFinding,
    comparison_finding,
    letter,
    settings_sentence,
)
from assay.core.findings.comparison_tables import (
    differences_table,
    overlaps_table,
    settings_table,
)
from assay.core.findings.table_cells import as_numbers


@dataclass(frozen=True, repr=False)
class AuditComparison:
    """Two or more audits side by side, called A, B, C … in their order.

    Tables are new DataFrames at each call. p-values are corrected for all comparisons of their
    table (Holm).
    """

    audits: tuple[Audit, ...]

    @property
    def finding(self) -> ComparisonFinding:
        """``headline``: what is different; ``certainty``: how sure that is; ``sentences``: more."""
        return comparison_finding(self._found)

    @property
    def settings(self) -> pd.DataFrame:
        """The settings in which the audits differ, one column an audit."""
        return settings_table(self._found)

    @property
    def differences(self) -> pd.DataFrame:
        """Paired differences from A with 95% intervals and p-values, the surest first."""
        return as_numbers(differences_table(self._found))

    @property
    def overlaps(self) -> pd.DataFrame:
        """How many documents the selections of each pair have in common, beside chance."""
        return as_numbers(overlaps_table(self._found))

    def __repr__(self) -> str:
        named = ", ".join(f"{letter(i)} {one.id}" for i, one in enumerate(self.audits))
        return f"<AuditComparison {named}\n {self.finding.headline}>"

    def _repr_html_(self) -> str:
        return comparison_as_html(
            [f"{letter(i)}: {one.title} ({one.id})" for i, one in enumerate(self.audits)],
            self.finding,
            settings_sentence(self._found),
            differences_table(self._found),
        )

    @cached_property
    def _found(self) -> Comparison:
        return compared([one.path for one in self.audits])


def compare(
    *audits: Audit | str | os.PathLike[str], store: str | os.PathLike[str] | None = None
) -> AuditComparison:
    """Compare two to eight audits, given as such, by name in the store, or by file (.duckdb).

    InputError for fewer or more, for one that is named twice, or for one that cannot be read.
    """
    opened = [one if isinstance(one, Audit) else open_audit(one, store=store) for one in audits]
    places = {Path(one.path).resolve(): one for one in opened}
    check_number(len(places) if len(places) == len(opened) else 1)
    found = AuditComparison(tuple(opened))
    found._found  # noqa: B018 - an audit that cannot be read is said now, not when one looks
    return found
