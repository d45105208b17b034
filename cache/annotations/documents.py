"""Annotations of an audit's documents by their numbers, as pages use them.

They are kept by the digest of the text, which is the same wherever the document lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from assay.cache.annotations.annotations import Annotated, read_annotations
from assay.cache.files.database import open_to_read
from assay.cache.files.listing import Stamp, stamp_of
from assay.cache.store import Store
from assay.core.specs.annotations import Annotation


def document_annotations(store: Store, path: Path) -> dict[int, Annotation]:
    """What was said about each document of the seed corpus that anything was said about."""
    said = read_annotations(store, Annotated.audit(path.stem))
    if not said:
        return {}
    numbers = numbers_of(path, said)
    return {number: said[digest] for digest, number in numbers.items()}


def numbers_of(path: Path, hashes: Iterable[str]) -> dict[str, int]:
    """The numbers of documents by digest; those that the audit lacks are left out."""
    return _numbers(path, stamp_of(path), frozenset(hashes))


@lru_cache(maxsize=64)
def _numbers(path: Path, stamp: Stamp, hashes: frozenset[str]) -> dict[str, int]:
    """``stamp`` is only there so that another file is read."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT text_hash, document_id FROM documents "
            "WHERE text_hash IN (SELECT unnest(?::VARCHAR[])) ORDER BY document_id",
            [sorted(hashes)],
        ).fetchall()
    return {str(digest): int(number) for digest, number in rows}
