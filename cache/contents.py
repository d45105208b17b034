"""Everything in a store, including broken files with their problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from assay.cache.audits.read import list_audits
from assay.cache.decompressions.read import list_decompressions
from assay.cache.files.database import UnreadableFile
from assay.cache.files.listing import stamped
from assay.cache.files.quarantine import list_set_aside
from assay.cache.files.sealed import read_meta
from assay.cache.records import RecordStore
from assay.cache.store import Store


def contents(store: Store) -> dict[str, list[dict[str, Any]]]:
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
        "experiments": list(_sealed(store, "experiments")),
        "decompressions": [
            {
                "id": one.decompression_id,
                "title": one.title,
                "created_at": one.created_at,
                "problem": one.problem,
            }
            for one in list_decompressions(store)
        ],
        "diffs": list(_sealed(store, "diffs")),
        "suspect_tests": _records(store.suspect_tests),
        "echoes": _records(store.echoes),
        "moved_aside": [asdict(one) for one in list_set_aside(store)],
    }


def _sealed(store: Store, folder: str) -> Iterator[dict[str, Any]]:
    for one in stamped(getattr(store, folder)):
        name = one.path.stem
        line = {"id": name, "title": name, "created_at": "", "problem": one.problem or None}
        if one.stamp is not None:
            try:
                meta = read_meta(one.path)
                line |= {"title": meta["title"], "created_at": meta["created_at"]}
            except UnreadableFile as unreadable:
                line["problem"] = unreadable.problem
            except OSError as error:
                line["problem"] = error.strerror or str(error)
        yield line


def _records(shelf: RecordStore) -> list[dict[str, Any]]:
    known = [
        {
            "id": record[shelf.id_key],
            "title": record["title"],
            "created_at": record["created_at"],
            "problem": None,
        }
        for record in shelf.all()
    ]
    broken = [
        {"id": name, "title": name, "created_at": "", "problem": problem}
        for name, problem in shelf.problems().items()
    ]
    return [*known, *broken]
