"""Rows as columns, the form that the store uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any


def columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of dataclass instances of one type; none if there are no instances."""
    if not rows:
        return {}
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(rows[0])}


def numbered(rows: Sequence[Any], number: str) -> dict[str, list[Any]]:
    """Columns of dataclass instances, with their positions in a column called ``number``."""
    return {number: list(range(len(rows))), **columns(rows)} if rows else {}


def followed_by(table: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, list[Any]]:
    """One table followed by another; one without columns has no rows."""
    if not (table and more):
        return dict(table or more)
    return {name: [*table[name], *more[name]] for name in table}
