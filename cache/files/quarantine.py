"""Damaged files: moved aside, reported to the user, and kept for inspection."""

from __future__ import annotations

import datetime
import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.cache.store import Store

_LOG = "moved.jsonl"
_logger = logging.getLogger("assay")


@dataclass(frozen=True)
class MovedAside:
    """A damaged file that was moved: from where, to where, why and when."""

    was: str
    now: str
    why: str
    at: str


def quarantine(
    store: Store,
    path: Path,
    why: str = "it is damaged",
    and_then: str = "it will be computed again",
) -> Path:
    """Move an untrustworthy file aside, tell the user, and return its new path.

    Its write-ahead log is moved too. ``and_then``: what happens without it.
    """
    moved = store.quarantine / f"{path.stem}-{time.time_ns()}{path.suffix}"
    os.replace(path, moved)
    for ending in (".wal", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            os.replace(f"{path}{ending}", f"{moved}{ending}")
    note = MovedAside(str(path), str(moved), why, datetime.datetime.now(datetime.UTC).isoformat())
    with (store.quarantine / _LOG).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(note)) + "\n")
    _logger.warning("%s was moved to %s (%s); %s.", path, moved, why, and_then)
    return moved


def list_set_aside(store: Store) -> list[MovedAside]:
    """The damaged files that were moved aside and still exist, newest first."""
    found = []
    with suppress(OSError, UnicodeDecodeError):
        for line in (store.quarantine / _LOG).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):
                note = MovedAside(**json.loads(line))
                if Path(note.now).is_file():
                    found.append(note)
    return found[::-1]
