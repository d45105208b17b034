"""How good projections of language-model gradients of equal size are: `make bench-projection`.

Documentation texts through SmolLM2, gradients of the last layer (49,152 × 576), 4,096 numbers per
document. All inner products between documents are also computed exactly. For each projection it
prints its worth (the dimension of a dense projection with the same error), the correlation of the
estimated inner products with the exact ones, the root mean square error of a cosine, and the
milliseconds per document.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.core.data.sources import read_documents
from assay.core.gradients.all_tokens import TensorSketch
from assay.core.gradients.projection import random_signs
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_language_model
from assay.core.models.resolve import resolve_model
from assay.core.runtime.device import choose_compute
from assay.core.specs.data import DataRef

N_DOCUMENTS, N_TOKENS, DIMENSION, SEEDS = 96, 48, 4096, (0, 1)
# Rows for the token side, rows for the hidden side, how many such projections side by side.
KRONECKER = [(64, 64, 1), (256, 16, 1), (1024, 4, 1), (16, 16, 16), (64, 16, 4), (256, 4, 4)]


def token_factors(folder: Path) -> tuple[Tensor, Tensor, list[int]]:
    """Errors (T × V) and hidden states (T × d) of all documents, and how many are whose."""
    model = load_language_model(folder, N_TOKENS, choose_compute())
    read = islice(read_documents(DataRef("builtin:docs"), 0), N_DOCUMENTS)
    examples = model.examples([TextDocument(document.text) for document in read])
    with torch.inference_mode():
        hidden, targets = model.predicting(examples)
        errors = model.logits(hidden).softmax(dim=-1)
        errors[torch.arange(len(targets)), targets] -= 1
    return errors, hidden, [example.n_next_tokens for example in examples]


def exact_products(errors: Tensor, hidden: Tensor, lengths: list[int]) -> NDArray[np.float64]:
    """⟨g_i, g_j⟩ of all documents, some rows of the layer at a time."""
    products = np.zeros((len(lengths), len(lengths)))
    for rows in errors.split(2048, dim=1):
        parts = zip(rows.split(lengths), hidden.split(lengths), strict=True)
        gradients = torch.stack([(delta.T @ state).flatten() for delta, state in parts])
        products += (gradients @ gradients.T).numpy()
    return products


def kronecker(errors: Tensor, hidden: Tensor, lengths: list[int], seed: int, *sides: int) -> Tensor:
    rows, columns, n_copies = sides
    copies = []
    for copy in range(n_copies):
        left, right = (
            torch.from_numpy(random_signs(seed, side, n, values.shape[1], copy)).float()
            for side, n, values in (("errors", rows, errors), ("hidden", columns, hidden))
        )
        mapped = zip(
            (errors @ left.T).split(lengths), (hidden @ right.T).split(lengths), strict=True
        )
        copies.append(torch.stack([(one.T @ other).flatten() for one, other in mapped]))
    return torch.cat(copies, dim=1) / (rows * columns * n_copies) ** 0.5


def report(name: str, project: Callable[[int], Tensor], exact: NDArray[np.float64]) -> None:
    """One line: means over seeds."""
    norms = np.diagonal(exact)
    pairs = ~np.eye(len(exact), dtype=bool)
    products = np.multiply.outer(norms, norms)
    squares, correlations, start = [], [], time.perf_counter()
    for seed in SEEDS:
        projected = project(seed).double().numpy()
        estimates = projected @ projected.T
        squares.append((estimates - exact)[pairs] ** 2)
        correlations.append(np.corrcoef(estimates[pairs], exact[pairs])[0, 1])
    took = (time.perf_counter() - start) / len(SEEDS) / len(exact)
    error = np.mean(squares, axis=0)
    # Of a dense projection to k dimensions: (‖x‖²‖y‖² + ⟨x, y⟩²) / k.
    worth = (products + exact**2)[pairs].mean() / error.mean()
    cosine = (error / products[pairs]).mean() ** 0.5
    print(
        f"{name:22} worth {worth:6,.0f}   correlation {np.mean(correlations):.3f}   "
        f"error of a cosine {cosine:.4f}   {1000 * took:5.1f} ms"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        factors = token_factors(resolve_model("builtin:smollm2", Path(folder)))
    errors, hidden, lengths = factors
    exact = exact_products(*factors)
    print(f"{N_DOCUMENTS} documents, {sum(lengths):,} tokens, {DIMENSION:,} numbers a document")
    for sides in KRONECKER:
        name = f"{sides[0]} × {sides[1]}" + (f", {sides[2]} times" if sides[2] > 1 else "")
        report(name, lambda seed, sides=sides: kronecker(*factors, seed, *sides), exact)  # type: ignore[misc]
    shape = (errors.shape[1], hidden.shape[1])
    report(
        "tensor sketch",
        lambda seed: TensorSketch.draw(seed, DIMENSION, shape, "cpu").of_sums(*factors),
        exact,
    )


if __name__ == "__main__":
    main()
