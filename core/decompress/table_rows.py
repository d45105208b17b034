"""Rows as columns, which is how the store takes and gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any


def columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of dataclass instances of one type; none without any."""
    if not rows:
        return {}
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(rows[0])}


def numbered(rows: Sequence[Any], number: str) -> dict[str, list[Any]]:
    """Columns of dataclass instances, and their place in a column called ``number``."""
    return {number: list(range(len(rows))), **columns(rows)} if rows else {}


def followed_by(table: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, list[Any]]:
    """One table under another; either may have no columns, and then no rows."""
    if not (table and more):
        return dict(table or more)
    return {name: [*table[name], *more[name]] for name in table}
