"""Complete files on the shelf: found, taken away, or moved aside when they cannot be trusted."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cache.database import StoreError, open_to_read
from cache.home import Store
from cache.schema import MANIFEST


def set_aside(store: Store, path: Path) -> Path:
    """Move a file that cannot be trusted out of the way and say where it went."""
    moved = store.set_aside / f"{path.stem}-{time.time_ns()}{path.suffix}"
    os.replace(path, moved)
    path.with_suffix(path.suffix + ".wal").unlink(missing_ok=True)
    return moved


def delete_audit(store: Store, audit_id: str) -> None:
    """Remove a complete audit; a page that has it open keeps its copy until it closes."""
    (store.audits / f"{audit_id}.duckdb").unlink(missing_ok=True)


def delete_decompression(store: Store, decompression_id: str) -> None:
    """Remove a complete decompression; the answers it was made of stay in the model's journal."""
    (store.decompressions / f"{decompression_id}.duckdb").unlink(missing_ok=True)


def delete_diff(path: Path) -> None:
    """Remove a complete diff."""
    path.unlink(missing_ok=True)


def sealed_audit(store: Store, audit_id: str) -> Path | None:
    """The path of a complete audit, or None; a file that cannot be opened is set aside."""
    return _sealed(store, store.audits / f"{audit_id}.duckdb")


def sealed_experiment(store: Store, experiment_id: str) -> Path | None:
    """The path of a complete experiment, or None, as of an audit."""
    return _sealed(store, store.experiments / f"{experiment_id}.duckdb")


def sealed_diff(store: Store, diff_id: str) -> Path | None:
    """The path of a complete diff, or None, as of an audit."""
    return _sealed(store, store.diffs / f"{diff_id}.duckdb")


def sealed_decompression(store: Store, decompression_id: str) -> Path | None:
    """The path of a complete decompression, or None, as of an audit."""
    return _sealed(store, store.decompressions / f"{decompression_id}.duckdb")


def _sealed(store: Store, path: Path) -> Path | None:
    if not path.exists():
        return None
    try:
        with open_to_read(path) as connection:
            connection.execute(f"SELECT count(*) FROM {MANIFEST}").fetchall()
    except StoreError:
        set_aside(store, path)
        return None
    return path
