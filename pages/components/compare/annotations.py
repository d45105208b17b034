"""What people said about documents in the audits that are compared.

Marks, tags and notes belong to one audit, so a document that several audits hold may have several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assay.core.findings.comparison import letter
from assay.core.specs.annotations import Annotation, AnnotationFilter
from assay.pages.components.annotations.documents import said_of


@dataclass(frozen=True)
class SaidInAudits:
    """Of each row of a comparison's documents, what was said in which audits; rows that nothing was
    said about are missing."""

    by_row: dict[int, dict[int, Annotation]]

    @classmethod
    def of(cls, paths: Sequence[Path], table: pd.DataFrame) -> SaidInAudits:
        """``table``: with ``document_0``, …, the documents' numbers in each audit."""
        found: dict[int, dict[int, Annotation]] = {}
        for i, path in enumerate(paths):
            said = said_of(path)
            numbers = table[f"document_{i}"]
            for row, number in numbers[numbers.isin(list(said))].items():
                found.setdefault(row, {})[i] = said[int(number)]
        return cls(found)

    @property
    def everything(self) -> dict[tuple[int, int], Annotation]:
        """Each annotation by its row and audit."""
        return {(row, i): one for row, own in self.by_row.items() for i, one in own.items()}

    def are_kept(self, rows: pd.Index, wanted: AnnotationFilter) -> list[bool]:
        """Which rows a filter leaves: those that match in any audit."""
        nothing = {0: Annotation()}
        return [
            any(wanted.matches(one) for one in self.by_row.get(row, nothing).values())
            for row in rows
        ]

    def columns(self, rows: pd.Index) -> dict[str, list[str]]:
        """mark, tags and note of each row; a mark or note says in which audit unless all agree."""
        own = [self.by_row.get(row, {}) for row in rows]
        return {
            "mark": [_told({i: str(one.mark or "") for i, one in said.items()}) for said in own],
            "tags": [", ".join(sorted({t for one in s.values() for t in one.tags})) for s in own],
            "note": [_told({i: one.note for i, one in said.items()}) for said in own],
        }


def _told(by_audit: dict[int, str]) -> str:
    told = {i: text for i, text in by_audit.items() if text}
    if len(set(told.values())) <= 1:
        return next(iter(told.values()), "")
    return ", ".join(f"{text} in {letter(i)}" for i, text in told.items())
