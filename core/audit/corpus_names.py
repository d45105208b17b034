"""Unique names for a seed corpus' sources, and which of them is the held-out source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from assay.core.data.sources import source_names
from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef

_SHOWN = 20


def with_source_names(spec: AuditSpec) -> AuditSpec:
    """``spec`` with a unique name for every corpus, and its held-out source under the name that its
    documents are stored with.

    The option may give that name, the file's name or the place as it was written. InputError if no
    corpus matches, or several.
    """
    corpora = _uniquely_named(spec.seed_corpus)
    named = replace(spec, seed_corpus=corpora)
    if spec.held_out_source is None:
        return named
    wanted = spec.held_out_source
    sources = {ref: source_names(ref) for ref in corpora}
    found = [name for names in sources.values() for name in names if name == wanted]
    by_place = [
        sources[ref][0]
        for ref in corpora
        if wanted in _names_of_place(ref) and len(sources[ref]) == 1
    ]
    known = list(dict.fromkeys(found or by_place))
    if len(known) != 1:
        everything = list(dict.fromkeys(name for names in sources.values() for name in names))
        more = f" and {len(everything) - _SHOWN:,} more" if len(everything) > _SHOWN else ""
        raise InputError(
            "a --held-out-source that names exactly one source of the seed corpus",
            f"{wanted!r}, which matches {'several' if known else 'none'}",
            f"choose one of {', '.join(everything[:_SHOWN])}{more}",
        )
    return replace(named, held_out_source=known[0])


def _uniquely_named(corpora: tuple[DataRef, ...]) -> tuple[DataRef, ...]:
    """Files of the same name in different folders, and splits of one file, get longer names."""
    short = [ref.source or _stem(ref) for ref in corpora]
    shared = {name for name, n in Counter(short).items() if n > 1}
    named = list(corpora)
    for name in shared:
        alike = [at for at, own in enumerate(short) if own == name and not corpora[at].source]
        for level in zip(*(_longer_names(corpora[at]) for at in alike), strict=True):
            if len(set(level)) == len(alike):
                for at, own in zip(alike, level, strict=True):
                    named[at] = replace(corpora[at], source=own)
                break
    return tuple(named)


def _longer_names(ref: DataRef) -> Iterator[str]:
    location, _, split = ref.location.partition("#")
    path = Path(location)
    suffix = f"#{split}" if split else ""
    yield _stem(ref) + suffix
    yield f"{path.parent.name}/{_stem(ref)}{suffix}"
    yield ref.location


def _stem(ref: DataRef) -> str:
    path = Path(ref.location.partition("#")[0])
    return path.name.split(".")[0] or ref.location


def _names_of_place(ref: DataRef) -> tuple[str, ...]:
    bare = ref.location.rpartition("#")[0] or ref.location
    return ref.location, Path(ref.location).name, bare, Path(bare).name
