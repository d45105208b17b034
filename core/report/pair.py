"""What else was asked of an audit's model pair, as parts of its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cache.groups import read_groups, read_source_students
from cache.home import Store
from cache.read import read_facts
from cache.same_pair import SamePair
from core.attribution import (
    HOW_COSINES_READ,
    HOW_SHARES_READ,
    HOW_STUDENTS_READ,
    attribution,
    group_table,
)
from core.suspicion import (
    ASSUMPTIONS,
    HOW_TO_READ,
    checks_table,
    declared,
    n_judged,
    parts_table,
    set_sizes,
    suspicion,
)
from core.verdict import Verdict


@dataclass(frozen=True)
class Table:
    """A table to print, with how to read it; ``rows`` is empty where there is nothing to show."""

    columns: list[str]
    rows: list[list[Any]]
    note: str = ""

    @classmethod
    def of(cls, frame: pd.DataFrame, note: str = "") -> Table:
        return cls(list(frame.columns), frame.to_numpy().tolist(), note)


@dataclass(frozen=True)
class Finding:
    """One ranking or one suspect test: its sentences, made from the rows of its tables."""

    title: str
    name: str
    created_at: str
    verdict: Verdict
    tables: tuple[Table, ...]
    command: str | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairFindings:
    """What public sets and suspect tests say of the pair; of tests also what they take for granted
    and how they read."""

    rankings: tuple[Finding, ...]
    suspect_tests: tuple[Finding, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS
    how_tests_read: str = HOW_TO_READ


def pair_findings(store: Store, known: SamePair) -> PairFindings:
    """Everything that ``known`` names, read and put in words."""
    records = [record for name in known.suspect_tests if (record := store.suspect_tests.read(name))]
    n_tests = n_judged(records)
    return PairFindings(
        tuple(_ranking(path) for path in known.rankings),
        tuple(_suspect_test(record, n_tests) for record in records),
    )


def _ranking(path: Path) -> Finding:
    facts = read_facts(path)
    found, students = read_groups(path), read_source_students(path)
    sources, classes = (found[found["kind"] == kind] for kind in ("source", "class"))
    classes = classes.assign(name=[facts.label_names[int(name)] for name in classes["name"]])
    note = f"{HOW_COSINES_READ} {HOW_SHARES_READ}"
    if len(students):
        note += f" A model trained on it: {HOW_STUDENTS_READ}"
    tables = [Table.of(group_table(sources, "set", students), note)]
    if len(classes):
        tables.append(Table.of(group_table(classes, "class"), "The same, grouped by pseudolabel."))
    return Finding(
        facts.meta["title"],
        path.stem,
        facts.meta["created_at"],
        attribution(sources.to_dict("records"), students.to_dict("records")),
        tuple(tables),
        facts.meta["provenance"]["command"],
    )


def _suspect_test(record: dict[str, Any], n_tests: int) -> Finding:
    tables = [Table.of(checks_table(record))]
    if not record["is_refused"]:
        tables.append(Table.of(parts_table(record), declared(record)))
    return Finding(
        record["title"],
        record["test_id"],
        record["created_at"],
        suspicion(record, n_tests),
        tuple(tables),
        record["provenance"].get("command"),
        (set_sizes(record), *record["caveats"]),
    )
