"""Where runtime data lives: never in the checkout."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from assay.cache.records import RecordStore
from assay.core.errors import InputError


@dataclass(frozen=True)
class Store:
    """The folders under one root. Everything in them can be rebuilt."""

    root: Path

    @classmethod
    def default(cls) -> Store:
        """The folder named by ``ASSAY_HOME``, else the user's data directory."""
        named = os.environ.get("ASSAY_HOME")
        return cls(Path(named) if named else platformdirs.user_data_path("assay", appauthor=False))

    @property
    def audits(self) -> Path:
        return self._folder("audits")

    @property
    def experiments(self) -> Path:
        return self._folder("experiments")

    @property
    def suspect_tests(self) -> RecordStore:
        return RecordStore(self._folder("suspect-tests"), "suspect", "test_id")

    @property
    def echoes(self) -> RecordStore:
        return RecordStore(self._folder("echoes"), "echo", "echo_id")

    @property
    def building(self) -> Path:
        """Files not yet complete; on the same file system, so that a rename is atomic."""
        return self._folder("building")

    @property
    def gradients(self) -> Path:
        return self._folder("gradients")

    @property
    def embeddings(self) -> Path:
        return self._folder("embeddings")

    @property
    def decompressions(self) -> Path:
        return self._folder("decompressions")

    @property
    def diffs(self) -> Path:
        return self._folder("diffs")

    @property
    def journals(self) -> Path:
        """What each model was asked and said: one SQLite file a model."""
        return self._folder("journals")

    @property
    def models(self) -> Path:
        return self._folder("models")

    @property
    def data(self) -> Path:
        return self._folder("data")

    @property
    def logs(self) -> Path:
        return self._folder("logs")

    @property
    def quarantine(self) -> Path:
        """Files that failed verification, kept for the user to look at."""
        return self._folder("set-aside")

    @property
    def jobs_database(self) -> Path:
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "jobs.sqlite"

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def open_store(path: Path | None) -> Store:
    """The store named by --store, else the default; InputError if it cannot be written."""
    store = Store(path.expanduser().absolute()) if path else Store.default()
    try:
        store.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "a folder that can be written for the store",
            f"{store.root} ({error})",
            "name another with --store",
        ) from error
    return store
