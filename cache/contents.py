"""Everything in a store, including broken files with their problems."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from assay.cache.audits.read import list_audits
from assay.cache.decompressions.read import list_decompressions
from assay.cache.files.listing import Stamp, summaries
from assay.cache.files.quarantine import list_set_aside
from assay.cache.files.sealed import read_result
from assay.cache.records import Record, RecordStore
from assay.cache.store import Store
from assay.core.specs.results.result import Result

# One line of the list, ready for JSON.
_Line: TypeAlias = dict[str, Any]


def contents(store: Store) -> dict[str, list[_Line]]:
    """Lists by kind, the newest first; and the damaged files that were moved aside."""
    return {
        "audits": [
            {
                "id": one.audit_id,
                "title": one.title,
                "created_at": one.created_at,
                "task": one.task,
                "assessability": one.assessability and str(one.assessability),
                "n_documents": one.n_documents,
                "budget": one.budget,
                "n_bytes": one.size_bytes,
                "problem": one.problem,
            }
            for one in list_audits(store)
        ],
        "experiments": _sealed(store.experiments),
        "decompressions": [
            _line(one.decompression_id, one.title, one.created_at, one.problem)
            for one in list_decompressions(store)
        ],
        "diffs": _sealed(store.diffs),
        "suspect_tests": _records(store.suspect_tests),
        "echoes": _records(store.echoes),
        "moved_aside": [asdict(one) for one in list_set_aside(store)],
    }


def _sealed(folder: Path) -> list[_Line]:
    return summaries(folder, _line_of, lambda path, problem, _: _line(path.stem, problem=problem))


def _line_of(path: Path, stamp: Stamp) -> _Line:
    found = read_result(path, Result)
    return _line(path.stem, found.title, found.created_at)


def _records(shelf: RecordStore[Record]) -> list[_Line]:
    known = [_line(one.record_id, one.title, one.created_at) for one in shelf.all()]
    return [*known, *(_line(name, problem=why) for name, why in shelf.problems().items())]


def _line(
    name: str, title: str | None = None, created_at: str = "", problem: str | None = None
) -> _Line:
    return {
        "id": name,
        "title": name if title is None else title,
        "created_at": created_at,
        "problem": problem,
    }
