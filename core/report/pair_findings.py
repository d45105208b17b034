"""Other analyses of an audit's model pair, as parts of its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.cache.audits.model_pair import SamePair
from assay.cache.audits.read import read_facts
from assay.cache.store import Store
from assay.core.findings.corpus_ranking import (
    HOW_COSINES_READ,
    HOW_SHARES_READ,
    HOW_STUDENTS_READ,
    corpus_ranking_finding,
    group_table,
)
from assay.core.findings.finding import Finding
from assay.core.findings.initial_head import with_insiders_view
from assay.core.findings.suspect_test import (
    ASSUMPTIONS,
    HOW_TO_READ,
    checks_table,
    declared,
    n_judged,
    parts_table,
    set_sizes,
    suspect_finding,
)
from assay.core.findings.table_cells import as_text
from assay.core.specs.results.suspect_test import SuspectResult


@dataclass(frozen=True)
class Table:
    """A table to print, with how to read it; ``rows`` is empty if there is nothing to show."""

    columns: list[str]
    rows: list[list[Any]]
    note: str = ""

    @classmethod
    def of(cls, frame: pd.DataFrame, note: str = "") -> Table:
        return cls(list(frame.columns), as_text(frame).to_numpy().tolist(), note)

    def parts(self, most: int) -> list[Table]:
        """Tables of at most ``most`` columns each, as a page is only so wide.

        Each repeats the first column and leaves out rows that are empty in it; the last has the
        note.
        """
        n_others = len(self.columns) - 1
        n_parts = -(-n_others // (most - 1))
        size = -(-n_others // max(1, n_parts))
        starts = range(1, len(self.columns), size) if n_others else range(1)
        return [
            Table(
                [self.columns[0], *self.columns[start : start + size]],
                [
                    [row[0], *row[start : start + size]]
                    for row in self.rows
                    if any(not (pd.isna(cell) or cell == "") for cell in row[start : start + size])
                ],
                self.note if start == starts[-1] else "",
            )
            for start in starts
        ]


@dataclass(frozen=True)
class PairFinding:
    """One corpus ranking or suspect test: its sentences, made from the rows of its tables."""

    title: str
    name: str
    created_at: str
    finding: Finding
    tables: tuple[Table, ...]
    command: str | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairFindings:
    """What corpus rankings and suspect tests say about the pair.

    For tests also their assumptions and how to read them.
    """

    rankings: tuple[PairFinding, ...]
    suspect_tests: tuple[PairFinding, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS
    how_tests_read: str = HOW_TO_READ


def pair_findings(store: Store, known: SamePair) -> PairFindings:
    """Everything that ``known`` names, read and put into words."""
    records = [record for name in known.suspect_tests if (record := store.suspect_tests.read(name))]
    n_tests = n_judged(records) + known.n_deleted_tests
    return PairFindings(
        tuple(_ranking(path) for path in known.rankings),
        tuple(_suspect_test(record, n_tests) for record in records),
    )


def _ranking(path: Path) -> PairFinding:
    facts = read_facts(path)
    found, students = read_groups(path), read_source_students(path)
    sources, classes = (found[found["kind"] == kind] for kind in ("source", "class"))
    classes = classes.assign(name=[facts.label_names[int(name)] for name in classes["name"]])
    note = f"{HOW_COSINES_READ} {HOW_SHARES_READ}"
    if len(students):
        note += f" If trained on it: {HOW_STUDENTS_READ}"
    tables = [Table.of(group_table(sources, "corpus", students), note)]
    if len(classes):
        tables.append(
            Table.of(
                group_table(classes, "class"), "The same for all documents, grouped by pseudolabel."
            )
        )
    return PairFinding(
        facts.meta.title,
        path.stem,
        facts.meta.created_at,
        with_insiders_view(
            corpus_ranking_finding(
                sources.to_dict("records"),
                students.to_dict("records"),
                facts.meta.projection,
            ),
            facts.meta,
        ),
        tuple(tables),
        facts.meta.command,
    )


def _suspect_test(record: SuspectResult, n_tests: int) -> PairFinding:
    tables = [Table.of(checks_table(record))]
    if not record.is_refused:
        tables.append(Table.of(parts_table(record), declared(record)))
    return PairFinding(
        record.title,
        record.test_id,
        record.created_at,
        suspect_finding(record, n_tests),
        tuple(tables),
        record.command,
        (set_sizes(record), *record.caveats),
    )
