"""Small results kept as records: one JSON file each, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RecordStore:
    """The records of one kind, in one folder; ``id_key`` holds a record's name, KIND-twelve hex."""

    folder: Path
    kind: str
    id_key: str

    def write(self, record: Mapping[str, Any]) -> None:
        """Keep a record under its name; a value JSON cannot hold is an error."""
        path = self.folder / f"{record[self.id_key]}.json"
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(record, allow_nan=False, indent=1))
        os.replace(partial, path)

    def read(self, name: str) -> dict[str, Any] | None:
        """A record by its name; None if there is none, or what is there cannot be read."""
        if not re.fullmatch(rf"{self.kind}-[0-9a-f]{{12}}", name):
            return None
        try:
            record = json.loads((self.folder / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and record.get(self.id_key) == name else None

    def delete(self, name: str) -> None:
        """Remove a record by its name, if there is one."""
        if self.read(name) is not None:
            (self.folder / f"{name}.json").unlink(missing_ok=True)

    def all(self) -> list[dict[str, Any]]:
        """All records that can be read, newest first."""
        found = [self.read(path.stem) for path in self.folder.glob("*.json")]
        records = [record for record in found if record is not None]
        return sorted(records, key=lambda record: str(record["created_at"]), reverse=True)
