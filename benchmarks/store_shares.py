"""What the store takes of a run, and of a selection's transport."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import Measured, times
from numpy.typing import NDArray

import assay
from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.row_cache import RowStore
from assay.core.audit.stages import gradients
from assay.core.models.loading import new_classifier, save_model
from assay.core.models.locate import builtin_minilm
from assay.core.runtime.device import choose_compute
from assay.core.similarity.transport import transport_distance

_N_DOCUMENTS = 1_500


def store_shares() -> Iterator[Measured]:
    """An audit of documentation with MiniLM, without students and map."""
    spent: dict[str, float] = defaultdict(float)
    for owner, name, part in (
        (RowStore, "missing", "cache"),
        (RowStore, "append", "cache"),
        (RowStore, "find", "cache"),
        (RowStore, "matrix", "cache"),
        (AuditBuilder, "write_matrix", "audit file"),
        (AuditBuilder, "write", "audit file"),
        (gradients, "compute_gradients", "stage"),
    ):
        setattr(owner, name, _timed(getattr(owner, name), spent, part))
    with tempfile.TemporaryDirectory() as folder:
        final, store = Path(folder, "final"), Path(folder, "store")
        _save_final(final)
        for share in ("first", "second"):
            spent.clear()
            assay.audit(
                base="builtin:minilm",
                final=str(final),
                seed_corpus="builtin:docs",
                n_candidates=_N_DOCUMENTS,
                strategies=["random", "select"],
                n_student_epochs=0,
                is_mapped=False,
                budget=100 if share == "first" else 101,
                store=store,
                progress=False,
            )
            yield Measured(
                f"Cache and audit file in the gradient stage of {_N_DOCUMENTS:,} documents with "
                f"MiniLM ({spent['stage']:.1f} s), {share} audit",
                f"{(spent['cache'] + spent['audit file']) / spent['stage']:.1%}",
                "below 10%" if share == "first" else "all that is left",
            )


def _timed(work: Callable[..., Any], spent: dict[str, float], part: str) -> Callable[..., Any]:
    is_running = [False]

    def timed(*arguments: Any, **named: Any) -> Any:
        if is_running[0] or (part != "stage" and not _in_stage[0]):
            return work(*arguments, **named)
        is_running[0] = True
        _in_stage[0] |= part == "stage"
        start = time.perf_counter()
        try:
            return work(*arguments, **named)
        finally:
            spent[part] += time.perf_counter() - start
            is_running[0] = False
            if part == "stage":
                _in_stage[0] = False

    return timed


# Only the gradient stage's reads and writes count.
_in_stage = [False]


def _save_final(folder: Path) -> None:
    compute = choose_compute(precision="fp32")
    model, lacking = new_classifier(builtin_minilm(), ("a", "b", "c", "d"), 48, 0, compute)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter += 1e-4 * torch.randn(parameter.shape, generator=generator)
    save_model(model, folder, lacking)


def transport_by_size() -> Iterator[Measured]:
    """Two normal clouds of unit vectors, 384 wide, a little apart."""
    rng = np.random.default_rng(0)
    for n, m in ((250, 1000), (500, 2000), (1000, 4000), (2000, 5000)):
        first = rng.normal(size=(n, 384)).astype("f4") + 0.02
        second = rng.normal(size=(m, 384)).astype("f4")
        (exact, exactly), (bound, at_least) = (
            _timed_transport(first, second, most) for most in (n * m, 0)
        )
        yield Measured(
            f"Transport of {n:,} to {m:,}: Sinkhorn's bound ({1 - at_least / exactly:.2%} below "
            f"exact), beside which the exact solver ({exact:.2f} s) takes",
            times(exact / bound),
        )


def _timed_transport(first: NDArray, second: NDArray, max_exact: int) -> tuple[float, float]:
    """Seconds and distance."""
    start = time.perf_counter()
    distance = transport_distance(first, second, max_exact).distance
    return time.perf_counter() - start, distance
