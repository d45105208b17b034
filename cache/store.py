"""Where runtime data is stored: never in the checkout."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from assay.cache.records import RecordStore
from assay.core.errors import AssayError, InputError
from assay.core.specs.results.echo import EchoResult
from assay.core.specs.results.suspect_test import SuspectResult

READ_ONLY_VARIABLE = "ASSAY_READ_ONLY"


class ReadOnlyStore(AssayError):
    """The store may only be read."""


@dataclass(frozen=True)
class Store:
    """The folders under one root. Everything in them can be rebuilt, but for what people wrote.

    ``is_for_reading``: nothing is written, as in somebody else's store. ``memory``: the bytes that
    DuckDB may hold of each file that is being written; without it, as much as the machine has.
    """

    root: Path
    is_for_reading: bool = False
    memory: int | None = None

    @classmethod
    def default(cls) -> Store:
        """The folder named by ``ASSAY_HOME``, otherwise the user's data directory.

        Read-only if ``ASSAY_READ_ONLY`` is set, or if nothing can be written.
        """
        named = os.environ.get("ASSAY_HOME")
        root = Path(named) if named else platformdirs.user_data_path("assay", appauthor=False)
        return cls.to_read(root) if os.environ.get(READ_ONLY_VARIABLE) else cls.at(root)

    @classmethod
    def at(cls, root: Path) -> Store:
        """The store in a folder, which may belong to somebody else or be read-only."""
        return cls(root, is_for_reading=root.is_dir() and not os.access(root, os.W_OK))

    @classmethod
    def to_read(cls, root: Path) -> Store:
        """The store in a folder that must not change."""
        return cls(root, is_for_reading=True)

    def require_writing(self) -> None:
        """ReadOnlyStore if nothing may be written here."""
        if self.is_for_reading:
            raise ReadOnlyStore(f"The store {self.root} is read-only, so nothing was changed.")

    @property
    def audits(self) -> Path:
        return self._folder("audits")

    @property
    def experiments(self) -> Path:
        return self._folder("experiments")

    @property
    def suspect_tests(self) -> RecordStore[SuspectResult]:
        return RecordStore(self._folder("suspect-tests"), "suspect", SuspectResult)

    @property
    def echoes(self) -> RecordStore[EchoResult]:
        return RecordStore(self._folder("echoes"), "echo", EchoResult)

    @property
    def building(self) -> Path:
        """Unfinished files; on the same file system, so that a rename is atomic."""
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
        """Each model's calls and answers: one SQLite file per model."""
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
        self._make(self.root)
        return self.root / "jobs.sqlite"

    @property
    def annotations_database(self) -> Path:
        """What people wrote about documents and examples, and the views they saved."""
        self._make(self.root)
        return self.root / "annotations.sqlite"

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        self._make(self.root)
        self._make(folder)
        return folder

    def _make(self, folder: Path) -> None:
        # What models say, and what they were trained on, is private.
        if not self.is_for_reading and not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)


def open_store(path: Path | None) -> Store:
    """The store named by --store, otherwise the default; it may be read-only.

    InputError if it does not exist and cannot be created.
    """
    store = Store.at(path.expanduser().absolute()) if path else Store.default()
    if store.is_for_reading and store.root.is_dir():
        return store
    try:
        store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "a writable folder for the store",
            f"{store.root} ({error.strerror or error})",
            "choose another with --store",
        ) from error
    return store
