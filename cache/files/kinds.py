"""The kinds of sealed files that can be read; each kind's own folder declares it.

This folder reads and writes files without knowing their contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Table → columns, the version of that schema, and the tables that older files of it lack."""

    name: str
    tables: Mapping[str, str]
    version: int
    older_lack: frozenset[str] = frozenset()


KINDS: dict[str, Kind] = {}


def declare(*kinds: Kind) -> None:
    """Allow files of these kinds to be read."""
    KINDS.update({kind.name: kind for kind in kinds})
