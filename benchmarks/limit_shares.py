"""How near the work comes to what this machine can do at most: products of matrices, reads of
memory, writes to disk."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from gradient_ratios import classifiers, language_models, texts
from measuring import N_TURNS, Measured, seconds

from assay.cache.files.row_cache import open_rows
from assay.cache.store import Store
from assay.core.gradients.features import ProjectedGradients
from assay.core.models.examples import TextDocument
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.models.text_model import TextModel
from assay.core.selection.greedy import select

_SIDE = 2_048


def limit_shares() -> Iterator[Measured]:
    yield from _forward_passes()
    yield _selection()
    yield _writes()


def _forward_passes() -> Iterator[Measured]:
    pair, documents = classifiers(), texts(256)
    yield _beside_products(
        "Gradients of a classifier (MiniLM, float32, two forward passes)",
        lambda: list(ClassifierGradients(pair).of(documents)),
        2 * _forward_flop(pair.base, documents),
        pair.base.compute.device,
    )
    language, few = language_models(), texts(24)
    ours = LanguageGradients(language, 1, 4096, 0)
    width = language.base.model.get_input_embeddings().weight
    yield _beside_products(
        "Gradients of a language model (SmolLM2-135M, float32, a forward pass with all logits, and "
        "one more product as large as the logits')",
        lambda: list(ours.of(few)),
        _forward_flop(language.base, few) + 4 * width.numel() * _n_tokens(language.base, few),
        language.base.compute.device,
    )


def _beside_products(what: str, work: Callable[[], object], n_flop: float, device: str) -> Measured:
    """Floating point operations a second that are of use, beside those of one large product."""
    square = torch.randn(_SIDE, _SIDE, device=device)
    shares, rates = [], []
    for _ in range(N_TURNS):
        most = 2 * _SIDE**3 / seconds(lambda: (square @ square)[0, 0].item())
        rate = n_flop / seconds(work)
        shares.append(rate / most)
        rates.append((rate, most))
    rate, most = rates[np.argsort(shares)[len(shares) // 2]]
    return Measured(
        f"{what}: {rate / 1e9:,.0f} GFLOP/s of the {most / 1e9:,.0f} that a product of two "
        f"matrices of {_SIDE:,} × {_SIDE:,} reaches",
        f"{statistics.median(shares):.0%}",
    )


def _forward_flop(model: TextModel, documents: Sequence[TextDocument]) -> float:
    """Two for each weight of a matrix and each token that is no padding; attention is left out."""
    tables = {id(part.weight) for part in model.model.modules() if _is_table(part)}
    n_weights = sum(
        weight.numel()
        for weight in model.model.parameters()
        if weight.ndim == 2 and id(weight) not in tables
    )
    return 2.0 * n_weights * _n_tokens(model, documents)


def _is_table(part: torch.nn.Module) -> bool:
    return isinstance(part, torch.nn.Embedding)


def _n_tokens(model: TextModel, documents: Sequence[TextDocument]) -> int:
    return sum(len(example.token_ids) for example in model.examples(documents))


def _selection() -> Measured:
    """Every pick needs a product with every gradient; the limit is how fast memory is read."""
    n, width, budget = 20_000, 2_048, 500
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(n, width)).astype("f4")
    target = rng.normal(size=width)
    features = ProjectedGradients(
        gradients[None],
        (gradients @ target)[None],
        (gradients.astype("f8") ** 2).sum(1)[None],
        np.array([np.linalg.norm(target)]),
    )
    vector = rng.normal(size=width).astype("f4")
    a_read_s = statistics.median(seconds(lambda: gradients @ vector) for _ in range(N_TURNS))
    own_s = seconds(lambda: select(features, budget))
    return Measured(
        f"SELECT of {budget} from {n:,} × {width:,}: time, beside that of reading all gradients "
        f"for each of {budget} picks at {gradients.nbytes / a_read_s / 1e9:.1f} GB/s",
        f"{own_s / (budget * a_read_s):.0%}",
        "below 100%",
    )


def _writes() -> Measured:
    """Rows as an audit caches them: half precision, digests, an index of their texts."""
    n, width = 20_000, 2_048
    rows = np.random.default_rng(0).normal(size=(n, width)).astype("f4")
    hashes = [f"{number:064x}" for number in range(n)]
    content = rows.astype("f2").tobytes()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))

        def cached() -> None:
            with open_rows(store, Path(folder, "rows.duckdb"), {}, lambda: None, print) as cache:
                for first in range(0, n, 4_096):
                    part = slice(first, first + 4_096)
                    cache.append(hashes[part], {}, {"gradient": rows[part]})

        def plain() -> None:
            with Path(folder, "plain").open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

        plain_s, own_s = seconds(plain), seconds(cached)
    return Measured(
        f"Caching {n:,} gradients of {width:,} numbers ({len(content) / own_s / 1e6:,.0f} MB/s), "
        f"beside writing as many bytes to disk ({len(content) / plain_s / 1e6:,.0f} MB/s)",
        f"{plain_s / own_s:.0%}",
    )
