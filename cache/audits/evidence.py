"""Everything that an audit's answers are made of, read at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.cache.audits.model_pair import n_deleted_tests, suspect_tests_of
from assay.cache.audits.read import AuditFacts, read_facts, read_metrics, read_titration
from assay.cache.files.database import kept_open
from assay.cache.store import Store
from assay.core.specs.results.suspect_test import SuspectResult

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class AuditEvidence:
    """``metrics``: rows of the table of that name; ``sources``: ranked public corpora, and
    ``source_students``: models trained on half of one, where the audit ranked any; ``titration``:
    rows of the grid, where one was measured;
    ``suspect_tests``: the store's records on the same models, newest first; ``n_deleted_tests``:
    how many more gave a p-value and were deleted."""

    facts: AuditFacts
    metrics: Rows
    sources: Rows
    source_students: Rows
    titration: Rows
    suspect_tests: list[SuspectResult]
    n_deleted_tests: int


@kept_open()
def read_evidence(
    path: Path, suspect_tests: list[SuspectResult], n_deleted_tests: int
) -> AuditEvidence:
    """Of the audit at ``path``; UnreadableFile or OSError if it cannot be read."""
    groups = read_groups(path)
    facts = read_facts(path)
    return AuditEvidence(
        facts,
        read_metrics(path).to_dict("records"),
        groups[groups["kind"] == "source"].to_dict("records"),
        read_source_students(path).to_dict("records"),
        read_titration(path).to_dict("records") if facts.spec.grid else [],
        suspect_tests,
        n_deleted_tests,
    )


@kept_open()
def evidence_of(store: Store, path: Path) -> AuditEvidence:
    """The same, with the suspect tests that ``store`` holds now."""
    pair = read_facts(path).meta.pair
    return read_evidence(path, suspect_tests_of(store, pair), n_deleted_tests(store, pair))
