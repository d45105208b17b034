"""`assay.open_audit` and `assay.list_audits`: finished audits, from the store or from a file."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from assay.cache.audits import read
from assay.cache.store import open_store
from assay.core.api.audit import Audit
from assay.core.errors import InputError

_ENDING = ".duckdb"
_COLUMNS = [
    "audit_id",
    "title",
    "created_at",
    "task",
    "budget",
    "n_documents",
    "assessability",
    "problem",
]


def open_audit(
    audit: str | os.PathLike[str], *, store: str | os.PathLike[str] | None = None
) -> Audit:
    """A complete audit, by its file (.duckdb) or by its name in the store.

    InputError if it does not exist, or is not an audit that this version can read.
    """
    place = open_store(Path(store) if store is not None else None)
    if isinstance(audit, os.PathLike) or str(audit).endswith(_ENDING):
        path = Path(audit).expanduser()
        if not path.is_file():
            raise InputError(
                "the file of an audit", f"{str(path)!r}, which does not exist", "check the path"
            )
    else:
        path = read.audit_path(place, audit)
    read.read_facts_of_file(path)
    return Audit(path, place)


def list_audits(*, store: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """All audits of the store, newest first; ``problem`` says why one cannot be read."""
    place = open_store(Path(store) if store is not None else None)
    rows = [[getattr(one, name) for name in _COLUMNS] for one in read.list_audits(place)]
    return pd.DataFrame(rows, columns=_COLUMNS)
