"""What is computed of each document by itself, and cached.

In float32 a document's last bits depend on the batch that it is in. So batches are made from a
window of the corpus, whoever computes them, and are committed whole: runs that are uninterrupted,
killed or divided among machines cache the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.row_cache import RowStore
from assay.cache.store import Store
from assay.core.audit.context import AuditContext
from assay.core.audit.gradient_request import document_key
from assay.core.audit.precomputed import OpenRows, with_cached_rows
from assay.core.engines.engine import Engine, Prepare
from assay.core.models.examples import Example, TextDocument
from assay.core.models.text_model import Batches
from assay.core.runtime.progress import Progress
from assay.core.specs.shard import WHOLE, Shard

# Documents that are sorted by length together. Another number would give other last bits.
_WINDOW = 4096
# Rows that are committed together, at least.
_LEAST_COMMITTED = 256

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Rows:
    """Of n documents: values (name → one a document) and arrays (name → n × width, float32)."""

    values: dict[str, Any]
    arrays: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class DocumentRows:
    """One kind of rows: where they are cached, and how they are computed.

    ``what``: names them for the user, in the singular. ``batches``: of documents. ``of_batch``: the
    rows of one batch, in its order, with the models of this process; ``there``: the same, from the
    pair of models that a worker holds.
    """

    open_kept: OpenRows
    key: str
    what: str
    batches: Callable[[Sequence[TextDocument]], Batches]
    of_batch: Callable[[Sequence[Example]], Rows]
    there: Prepare

    def with_cached(
        self, store: Store, progress: Progress, use: Callable[[RowStore], _Made]
    ) -> _Made:
        """See ``with_cached_rows``."""
        return with_cached_rows(self.open_kept, store, self.key, self.what, progress, use)


class Kept(Protocol):
    """Where rows are looked for and committed: an open ``RowStore``, or ``SharedRows``."""

    def missing(self, text_hashes: Sequence[str]) -> list[int]: ...

    def append(
        self,
        text_hashes: Sequence[str],
        values: dict[str, Any],
        arrays: dict[str, NDArray[np.float32]],
    ) -> None: ...


class SharedRows:
    """Rows that several processes add to at the same time: each opens the file for moments only."""

    def __init__(self, kind: DocumentRows, store: Store, progress: Progress) -> None:
        self._kind, self._store, self._progress = kind, store, progress

    def missing(self, text_hashes: Sequence[str]) -> list[int]:
        """See ``RowStore.missing``."""
        return self._with(lambda rows: rows.missing(text_hashes))

    def append(
        self,
        text_hashes: Sequence[str],
        values: dict[str, Any],
        arrays: dict[str, NDArray[np.float32]],
    ) -> None:
        """Commit rows; those that another process has committed meanwhile are left as they are."""

        def add(rows: RowStore) -> None:
            new = rows.missing(text_hashes)
            if len(new) < len(text_hashes):
                chosen = {name: [own[at] for at in new] for name, own in values.items()}
                parts = {name: own[new] for name, own in arrays.items()}
                rows.append([text_hashes[at] for at in new], chosen, parts)
            else:
                rows.append(text_hashes, values, arrays)

        self._with(add)

    def _with(self, use: Callable[[RowStore], _Made]) -> _Made:
        return self._kind.with_cached(self._store, self._progress, use)


def windows_of(audit: AuditContext) -> Iterator[list[TextDocument]]:
    """The seed corpus, in order."""
    for first in range(0, audit.n_documents, _WINDOW):
        yield audit.documents(first, _WINDOW)


def fill(
    kept: Kept,
    kind: DocumentRows,
    windows: Iterable[Sequence[TextDocument]],
    progress: Progress,
    engine: Engine,
    shard: Shard = WHOLE,
) -> int:
    """Compute and commit the rows of one part of the documents that the cache lacks; how many.

    ``windows``: all documents; batches do not cross windows.
    """
    n_computed = 0
    pending = _Pending(kept)
    missing = _missing(kept, kind, windows, progress, shard)
    for keys, rows in engine.computed(kind.of_batch, kind.there, missing):
        pending.add(keys, rows)
        progress.advance(len(keys))
        n_computed += len(keys)
    pending.commit()
    return n_computed


def _missing(
    kept: Kept,
    kind: DocumentRows,
    windows: Iterable[Sequence[TextDocument]],
    progress: Progress,
    shard: Shard,
) -> Iterator[tuple[list[str], list[Example]]]:
    """Keys and examples of the batches to compute.

    A batch without the documents that the cache has already stays a batch of its own. Otherwise the
    others would be in other batches than in a run that began with the same cache and was not
    divided or killed.
    """
    for number, documents in enumerate(windows):
        keys = [document_key(document) for document in documents]
        missing = set(kept.missing(keys))
        if not missing:
            progress.advance(len(documents))
            continue
        found = []
        for place, (indices, examples) in enumerate(kind.batches(documents)):
            own = [at for at, index in enumerate(indices) if index in missing]
            if own and shard.has(number + place):
                found.append(([keys[indices[at]] for at in own], [examples[at] for at in own]))
        progress.advance(len(documents) - sum(len(own) for own, _ in found))
        yield from found


class _Pending:
    """Rows of whole batches that wait until there are enough to be committed."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._parts: list[tuple[list[str], Rows]] = []

    def add(self, keys: list[str], rows: Rows) -> None:
        self._parts.append((keys, rows))
        if sum(len(own) for own, _ in self._parts) >= _LEAST_COMMITTED:
            self.commit()

    def commit(self) -> None:
        if not self._parts:
            return
        keys = list(chain.from_iterable(own for own, _ in self._parts))
        parts = [rows for _, rows in self._parts]
        self._parts = []
        values = {
            name: list(chain(*(one.values[name] for one in parts))) for name in parts[0].values
        }
        arrays = {
            name: np.concatenate([one.arrays[name] for one in parts]) for name in parts[0].arrays
        }
        self._kept.append(keys, values, arrays)
