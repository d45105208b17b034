"""The same work on many things at once, in threads: for code that lets go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_Thing = TypeVar("_Thing")
_Made = TypeVar("_Made")


def in_threads(
    work: Callable[[_Thing], _Made], things: Iterable[_Thing], n_at_most: int
) -> list[_Made]:
    """``work`` of each, in order; as many at once as models use threads (``ASSAY_THREADS``), but
    not more than ``n_at_most``."""
    n_at_once = min(torch.get_num_threads(), n_at_most)
    with ThreadPoolExecutor(n_at_once) as pool:
        return list(pool.map(work, things))
