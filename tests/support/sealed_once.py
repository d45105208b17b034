"""A sample file is made once a process, however many tests ask for the same one."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from assay.cache.store import Store

# What pickle raises for a function that was made inside another.
UNNAMED = (pickle.PicklingError, AttributeError, TypeError)


def sealed_once(write: Callable[..., Path]) -> Callable[..., Path]:
    """``write(store, …)`` seals a file. Asked for it again, a store gets a copy of its own, sealed
    as the first was; functions among the arguments count as the same where they have one name."""
    made: dict[bytes, tuple[Path, bytes]] = {}

    @wraps(write)
    def written(store: Store, *arguments: Any, **named: Any) -> Path:
        try:
            key = pickle.dumps((arguments, sorted(named.items())))
        except UNNAMED:
            return write(store, *arguments, **named)
        if key not in made:
            path = write(store, *arguments, **named)
            made[key] = path.relative_to(store.root), path.read_bytes()
            return path
        place, data = made[key]
        path = store.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(0o444)
        return path

    return written
