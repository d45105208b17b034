"""Saved views: addresses of pages with their settings, under names."""

from __future__ import annotations

import time
from contextlib import suppress

from assay.cache.annotations.database import reading, writing
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.annotations import SavedView, checked_name

MOST_VIEWS = 500


def save_view(store: Store, view: SavedView) -> None:
    """Keep a view; InputError if another has its name, or if there are too many."""
    with writing(store) as connection:
        ((n_views,),) = connection.execute("SELECT count(*) FROM views").fetchall()
        if n_views >= MOST_VIEWS:
            raise InputError(
                f"at most {MOST_VIEWS} saved views", f"{n_views + 1}", "delete one first"
            )
        added = connection.execute(
            "INSERT OR IGNORE INTO views VALUES (?, ?, ?, ?)",
            [view.name, view.page, view.settings, time.time()],
        )
        if not added.rowcount:
            raise _taken(view.name)


def list_views(store: Store) -> list[SavedView]:
    """All saved views by name; what is no address of a page is left out."""
    with reading(store) as connection:
        rows = connection.execute(
            f"SELECT name, page, query FROM views ORDER BY lower(name), name LIMIT {MOST_VIEWS}"
        ).fetchall()
    found = []
    for row in rows:
        with suppress(InputError, ValueError):
            found.append(SavedView.checked(*row))
    return found


def rename_view(store: Store, name: str, new: str) -> None:
    """Keep it under another name; InputError if a view has that, if it is none, or if the view is
    gone."""
    new = checked_name(new)
    with writing(store) as connection:
        is_taken = connection.execute("SELECT 1 FROM views WHERE name = ?", [new]).fetchall()
        if is_taken and new != name:
            raise _taken(new)
        changed = connection.execute(
            "UPDATE views SET name = ? WHERE name = ?", [new, name]
        ).rowcount
        if not changed:
            raise InputError("a saved view", repr(name), "it was deleted meanwhile")


def delete_view(store: Store, name: str) -> None:
    """Delete a view, if it exists."""
    with writing(store) as connection:
        connection.execute("DELETE FROM views WHERE name = ?", [name])


def _taken(name: str) -> InputError:
    return InputError("a name that no saved view has", repr(name), "type another")
