"""Peers' libraries beside ours, where they are installed: `pip install captum bergson`.

They compute neither what we do nor for the same purpose, so each line says what is done. Processor
time counts, because they and we use threads differently.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version

import numpy as np
import torch
from gradient_ratios import classifiers, language_models, texts
from measuring import N_TURNS, Measured, times
from numpy.typing import NDArray

from assay.core.models.classifier import Classifier
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients


def peer_ratios() -> Iterator[Measured]:
    for name, measured in (("captum", _captum), ("bergson", _bergson)):
        try:
            found = version(name)
        except ImportError:
            yield Measured(f"{name}: not installed (pip install {name})", "")
            continue
        yield from measured(f"{name} {found}")


def _captum(name: str) -> Iterator[Measured]:
    """Inner products of last-layer gradients between all pairs of 256 documents."""
    from captum.influence import TracInCPFast

    pair, documents = classifiers(), texts(256)
    gradients, model = ClassifierGradients(pair), pair.base
    assert isinstance(model, Classifier)
    token_ids, mask = model.pad([one.token_ids for one in model.examples(documents)])

    def ours() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rows = list(gradients.of(documents))
        order = np.argsort(np.concatenate([own.indices for own in rows]))
        errors, hidden = (
            np.concatenate([own.arrays[f"{side}:0"] for own in rows])[order]
            for side in ("errors", "hidden")
        )
        labels = np.concatenate([own.pseudolabel for own in rows if own.pseudolabel is not None])
        # The state's last number is 1, for the bias, which theirs leaves out.
        states = hidden[:, :-1]
        return (errors @ errors.T) * (states @ states.T), labels[order]

    products, labels = ours()
    data = token_ids, mask, torch.as_tensor(labels)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model.model

        def forward(self, token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return model.forward(token_ids, mask)[0]

    def theirs() -> NDArray[np.float32]:
        influence = TracInCPFast(
            Logits(),
            model.last_layer(),
            torch.utils.data.TensorDataset(*data),
            checkpoints=["base"],
            checkpoints_load_func=lambda *_: 1.0,
            loss_fn=torch.nn.CrossEntropyLoss(reduction="sum"),
            batch_size=64,
        )
        found: NDArray[np.float32] = influence.influence(data).numpy()
        return found

    apart = np.abs(theirs() - products).max() / np.abs(products).max()
    yield Measured(
        f"Inner products of last-layer gradients of 256 documents of 48 tokens (MiniLM): {name}'s "
        f"TracInCPFast, beside ours; two forward passes each; they differ by {apart:.0e}",
        times(_ratio(theirs, ours)),
    )


def _bergson(name: str) -> Iterator[Measured]:
    """Projected gradients of a language model's documents."""
    from bergson import GradientProcessor, IndexConfig, collect_gradients
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    pair, documents = language_models(), texts(24)
    token_ids = [list(one.token_ids) for one in pair.base.examples(documents)]
    logging.disable(logging.INFO)

    def theirs() -> None:
        lengths = [len(own) for own in token_ids]
        data = Dataset.from_dict({"input_ids": token_ids, "length": lengths})
        pair.base.model.requires_grad_(True)
        with tempfile.TemporaryDirectory() as folder:
            how = IndexConfig(run_path=f"{folder}/run", projection_dim=16, token_batch_size=8192)
            processor = GradientProcessor(projection_dim=16)
            everything = [list(range(len(token_ids)))]
            collect_gradients(pair.base.model, data, processor, how, batches=everything)

    what = (
        "Gradients of all 210 linear layers of SmolLM2-135M for 24 documents of 32 tokens, each "
        f"projected to 16 × 16: {name}, beside our "
    )
    layers = LayerAgreement(pair, documents)
    layers.of(documents)  # prepares the layers, once
    yield Measured(
        f"{what}agreements of 70 of these layers with their movement",
        times(_ratio(theirs, lambda: layers.of(documents))),
    )
    last = LanguageGradients(pair, 1, 4096, 0)
    yield Measured(
        f"{what}gradients of the last layer (exact norms and alignments, 4,096 dimensions)",
        times(_ratio(theirs, lambda: list(last.of(documents)))),
    )


def _ratio(first: Callable[[], object], second: Callable[[], object]) -> float:
    return statistics.median(
        _processor_seconds(first) / _processor_seconds(second) for _ in range(N_TURNS)
    )


def _processor_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
