"""Small results kept as records: one JSON file each, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from assay.cache.deletions import note_deletion
from assay.cache.files.claims import as_claimed
from assay.core.errors import full_disk_explained
from assay.core.specs.results.echo import EchoResult
from assay.core.specs.results.suspect_test import SuspectResult

# A record of 100,000 documents takes about 15 MB.
_MAX_BYTES = 256_000_000

Record = TypeVar("Record", bound=SuspectResult | EchoResult)


@dataclass(frozen=True)
class RecordStore(Generic[Record]):
    """The records of one kind, in one folder; their ids are KIND-twelve hex."""

    folder: Path
    kind: str
    shape: type[Record]

    def write(self, record: Record) -> None:
        """Store a record under its id; a value that JSON cannot represent is an error."""
        path = self.folder / f"{record.record_id}.json"
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with full_disk_explained(self.folder):
            partial.write_text(json.dumps(asdict(record), allow_nan=False, indent=1))
        os.replace(partial, path)

    def read(self, name: str) -> Record | None:
        """A record by its name; None if it does not exist or cannot be read."""
        if not re.fullmatch(rf"{self.kind}-[0-9a-f]{{12}}", name):
            return None
        try:
            record = self._parsed(self.folder / f"{name}.json")
        except (OSError, ValueError, RecursionError):
            return None
        return record

    def problems(self) -> dict[str, str]:
        """Files of the folder that are not records of this kind, each with the reason."""
        found = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                self._parsed(path)
            except FileNotFoundError:
                continue  # deleted after the folder was listed
            except OSError as error:
                found[path.name] = error.strerror or str(error)
            except (ValueError, RecursionError) as error:
                found[path.name] = str(error).splitlines()[0][:200]
        return found

    def delete(self, name: str) -> None:
        """Delete a record by its name, if it exists."""
        record = self.read(name)
        if record is not None:
            note_deletion(self.folder.parent, self.kind, name, self._remembered(record))
            (self.folder / f"{name}.json").unlink(missing_ok=True)

    @staticmethod
    def _remembered(record: Record) -> dict[str, Any]:
        """What of a deleted record still counts: whether it judged, and which models."""
        return {
            "title": record.title[:200],
            "created_at": record.created_at,
            "pair": record.pair,
            **({"is_refused": record.is_refused} if isinstance(record, SuspectResult) else {}),
        }

    def all(self) -> list[Record]:
        """All records that can be read, newest first."""
        found = [self.read(path.stem) for path in self.folder.glob("*.json")]
        records = [record for record in found if record is not None]
        return sorted(records, key=lambda record: record.created_at, reverse=True)

    def _parsed(self, path: Path) -> Record:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
            raise ValueError("it is not a regular file of acceptable size")
        record = as_claimed(self.shape, json.loads(path.read_text(encoding="utf-8")))
        if record.record_id != path.stem:
            raise ValueError(f"it contains another id, {record.record_id[:40]!r}")
        return record
