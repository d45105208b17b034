"""Small results kept as records: one JSON file each, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.cache.deletions import note_deletion
from assay.cache.files.claims import check_claims
from assay.core.errors import full_disk_explained

# A record of 100,000 documents takes about 15 MB.
_MAX_BYTES = 256_000_000


@dataclass(frozen=True)
class RecordStore:
    """The records of one kind, in one folder; ``id_key`` holds a record's name, KIND-twelve hex."""

    folder: Path
    kind: str
    id_key: str

    def write(self, record: Mapping[str, Any]) -> None:
        """Store a record under its name; a value that JSON cannot represent is an error."""
        path = self.folder / f"{record[self.id_key]}.json"
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with full_disk_explained(self.folder):
            partial.write_text(json.dumps(record, allow_nan=False, indent=1))
        os.replace(partial, path)

    def read(self, name: str) -> dict[str, Any] | None:
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
    def _remembered(record: Mapping[str, Any]) -> dict[str, Any]:
        """What still counts of a record that is gone: that it judged, and which models."""
        provenance = record.get("provenance") or {}
        digests = ("base_weights_sha256", "final_weights_sha256")
        return {
            "title": str(record.get("title", ""))[:200],
            "created_at": record.get("created_at"),
            **({"is_refused": bool(record["is_refused"])} if "is_refused" in record else {}),
            "provenance": {name: provenance.get(name) for name in digests},
        }

    def all(self) -> list[dict[str, Any]]:
        """All records that can be read, newest first."""
        found = [self.read(path.stem) for path in self.folder.glob("*.json")]
        records = [record for record in found if record is not None]
        return sorted(records, key=lambda record: str(record["created_at"]), reverse=True)

    def _parsed(self, path: Path) -> dict[str, Any]:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
            raise ValueError("it is not a regular file of acceptable size")
        record = json.loads(path.read_text(encoding="utf-8"))
        check_claims(self.kind, record)
        if record[self.id_key] != path.stem:
            raise ValueError(f"it contains another id, {record[self.id_key][:40]!r}")
        return dict(record)
