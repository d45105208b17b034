"""What else the store holds on an audit's model pair, found by the digests of both models' weights.

A report covers a pair; its corpus rankings and suspect tests are files of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.cache.annotations.annotations import Annotated, delete_annotations
from assay.cache.audits.corpus_ranking import read_groups
from assay.cache.audits.read import list_audits, read_facts
from assay.cache.deletions import deletions
from assay.cache.files.database import UnreadableFile
from assay.cache.store import Store
from assay.core.specs.results.suspect_test import SuspectResult


@dataclass(frozen=True)
class SamePair:
    """Audits that ranked corpora, and suspect tests by name; the newest of each first.

    An audit that ranked corpora itself comes first. ``n_deleted_tests``: tests that gave a p-value
    and were deleted.
    """

    rankings: tuple[Path, ...]
    suspect_tests: tuple[str, ...]
    n_deleted_tests: int = 0


def same_pair(store: Store, path: Path) -> SamePair:
    """All analyses of the pair of the audit at ``path``, in this audit and in others."""
    pair = read_facts(path).meta.pair
    candidates = dict.fromkeys([path, *audits_of(store, pair)])
    return SamePair(
        tuple(one for one in candidates if _has_groups(one)),
        tuple(record.test_id for record in suspect_tests_of(store, pair)),
        n_deleted_tests(store, pair),
    )


def _has_groups(path: Path) -> bool:
    try:
        return not read_groups(path).empty
    except (UnreadableFile, FileNotFoundError):
        return False  # damage in another file is no reason to leave out this one


def audits_of(store: Store, pair: tuple[str, str] | None) -> list[Path]:
    """The files of all audits of a pair, newest first; none for an unknown pair."""
    return [
        store.audits / f"{one.audit_id}.duckdb"
        for one in list_audits(store)
        if pair is not None and one.pair == pair
    ]


def suspect_tests_of(store: Store, pair: tuple[str, str] | None) -> list[SuspectResult]:
    """The records of all suspect tests of a pair, newest first; none for an unknown pair."""
    if pair is None:
        return []
    return [record for record in store.suspect_tests.all() if record.pair == pair]


def delete_suspect_test(store: Store, test_id: str, with_annotations: bool = False) -> None:
    """Delete the record of a test, which still counts.

    What people said about its documents is kept, unless it is to go as well.
    """
    store.require_writing()
    if with_annotations:
        delete_annotations(store, Annotated.suspect_test(test_id))
    store.suspect_tests.delete(test_id)


def n_deleted_tests(store: Store, pair: tuple[str, str] | None) -> int:
    """How many different suspect tests of a pair gave a p-value and are no longer kept.

    One that was made again after it was deleted is kept, and counts as that.
    """
    if pair is None:
        return 0
    return len(
        {
            one.get("name")
            for one in deletions(store.root)
            if one["kind"] == store.suspect_tests.kind
            and one.get("is_refused") is False
            and one.get("pair") == list(pair)
            and store.suspect_tests.read(str(one.get("name"))) is None
        }
    )
