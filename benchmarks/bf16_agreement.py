"""Whether bfloat16 forward passes give the documents that float32 gives: `make bench-bf16`.

SmolLM2 and a copy trained on 32 documentation texts; 160 others are scored in both precisions.
It prints how many documents both would select, and how much losses and cosines differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from assay.core.data.sources import read_documents
from assay.core.gradients.features import ProjectedGradients
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, load_language_model
from assay.core.models.per_example_gradients import LanguageGradients
from assay.core.models.resolve import resolve_model
from assay.core.models.training import fine_tune
from assay.core.runtime.device import Compute, choose_compute
from assay.core.selection.greedy import cosines, select
from assay.core.specs.data import DataRef
from assay.core.specs.training import TrainingSpec

N_TRAINED, N_SCORED, N_TOKENS, BUDGETS = 32, 160, 32, (16, 40)


def scored(
    pair: ModelPair, documents: Sequence[TextDocument]
) -> tuple[ProjectedGradients, np.ndarray]:
    models = LanguageGradients(pair, 1, 4096, 0)
    n = len(documents)
    projected, losses = np.zeros((1, n, 4096), np.float32), np.zeros(n)
    alignment, squared_norms = np.zeros((2, 1, n))
    for rows in models.of(documents):
        projected[0, rows.indices] = rows.arrays["projected:0"]
        alignment[0, rows.indices] = rows.alignment[:, 0]
        squared_norms[0, rows.indices] = rows.squared_norms[:, 0]
        losses[rows.indices] = rows.base_loss
    return ProjectedGradients(projected, alignment, squared_norms, models.target_norms), losses


def main() -> None:
    device = choose_compute()
    read = (TextDocument(d.text) for d in read_documents(DataRef("builtin:docs"), 0))
    documents = [next(read) for _ in range(N_TRAINED + N_SCORED)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        base, final = (
            load_language_model(resolve_model("builtin:smollm2", Path(folder)), N_TOKENS, device)
            for _ in range(2)
        )
    training = TrainingSpec(learning_rate=3e-5, batch_size=8, n_epochs=2, max_tokens=N_TOKENS)
    fine_tune(final, final.examples(documents[:N_TRAINED]), training)
    for is_bf16 in (False, True):
        base.compute = final.compute = Compute(device.device, is_bf16, device.n_threads)
        with torch.inference_mode():
            found.append(scored(ModelPair(base, final), documents[N_TRAINED:]))
    (exact, losses), (coarse, coarse_losses) = found
    print(f"loss of a document: {np.abs(losses - coarse_losses).max():.4f} nats apart at most")
    apart = np.abs(cosines(exact) - cosines(coarse))
    print(f"cosine of a document: {np.median(apart):.5f} apart (median), {apart.max():.5f} at most")
    for budget in BUDGETS:
        rankings = {
            "top-k": [set(np.argsort(-cosines(own))[:budget].tolist()) for own in (exact, coarse)],
            "lowest loss": [set(np.argsort(own)[:budget]) for own in (losses, coarse_losses)],
            "SELECT": [set(select(own, budget).documents) for own in (exact, coarse)],
        }
        for name, (one, other) in rankings.items():
            print(f"{name}: {len(one & other)} of {budget} shared")


if __name__ == "__main__":
    main()
