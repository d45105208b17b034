"""The records of suspect tests: one JSON file each, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from cache.home import Store

_TEST_ID = re.compile(r"suspect-[0-9a-f]{12}")


def write_suspect_test(store: Store, record: Mapping[str, Any]) -> None:
    """Keep a record under its ``test_id``; a value JSON cannot hold is an error."""
    path = store.suspect_tests / f"{record['test_id']}.json"
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(record, allow_nan=False, indent=1))
    os.replace(partial, path)


def read_suspect_test(store: Store, test_id: str) -> dict[str, Any] | None:
    """A record by its name; None if there is none, or what is there cannot be read."""
    path = store.suspect_tests / f"{test_id}.json"
    if not _TEST_ID.fullmatch(test_id):
        return None
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("test_id") == test_id else None


def list_suspect_tests(store: Store) -> list[dict[str, Any]]:
    """All records that can be read, newest first."""
    found = [read_suspect_test(store, path.stem) for path in store.suspect_tests.glob("*.json")]
    records = [record for record in found if record is not None]
    return sorted(records, key=lambda record: str(record["created_at"]), reverse=True)
