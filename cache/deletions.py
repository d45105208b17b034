"""What was deleted from a store, when: a journal with one line of JSON for each, only added to.

A suspect test that was made counts for the correction of the others whether or not its record is
kept: who could delete tests until one is left would make it look as if it had been the only one.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAME = "deletions.jsonl"
_MOST_BYTES = 50_000_000


def note_deletion(root: Path, kind: str, name: str, facts: Mapping[str, Any] | None = None) -> None:
    """Add a line; written through before the file goes, so that nothing goes without one."""
    line = {
        "deleted_at": datetime.datetime.now(datetime.UTC).isoformat(),
        "kind": kind,
        "name": name,
        **(facts or {}),
    }
    text = json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n"
    descriptor = os.open(root / _NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as journal:
        journal.write(text.encode())
        journal.flush()
        os.fsync(journal.fileno())


def deletions(root: Path) -> list[dict[str, Any]]:
    """Everything that was deleted, the oldest first; lines that are not ours are passed over."""
    path = root / _NAME
    try:
        if path.stat().st_size > _MOST_BYTES:
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(plain, dict) and isinstance(plain.get("kind"), str):
            found.append(plain)
    return found
