"""Fine-tuning a model, in the same way for final models and for students (paper §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assay.core.models.examples import Example
from assay.core.models.lora import is_of_adapter
from assay.core.models.text_model import TextModel
from assay.core.specs.training import LORA_RATE_FACTOR, Optimizer, TrainingSpec


@dataclass(frozen=True)
class Epoch:
    """Mean losses (nats per target) after one pass; ``is_best``: this epoch's model was kept."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    is_best: bool = False


def fine_tune(
    model: TextModel,
    examples: Sequence[Example],
    training: TrainingSpec,
    weights: Sequence[float] | None = None,
    validation: Sequence[Example] | None = None,
    patience: int | None = None,
    after_batch: Callable[[], None] = lambda: None,
) -> tuple[Epoch, ...]:
    """Train ``model`` in place; with ``validation`` it ends with the weights of its best epoch.

    Constant learning rate, order and dropout drawn from the seed; every parameter is trained that
    requires a gradient, those of an adapter at a higher rate. With
    unequal ``weights``, each pass samples as many documents with replacement, in proportion to
    their weights. ``patience``: training ends after this many epochs without a better validation
    loss.
    """
    torch.manual_seed(training.seed)
    generator = np.random.default_rng(training.seed)
    optimizer = new_optimizer(model.model, training)
    epochs: list[Epoch] = []
    best_state, best_loss, n_worse = None, float("inf"), 0
    for epoch in range(training.n_epochs):
        order = _order(len(examples), weights, generator)
        shuffled = [examples[index] for index in order]
        with _training_precision(model):
            train_loss = _one_pass(model, shuffled, training.batch_size, optimizer, after_batch)
        if not validation:
            epochs.append(Epoch(epoch, train_loss, None))
            continue
        loss = _mean_loss(model, validation)
        epochs.append(Epoch(epoch, train_loss, loss))
        if loss < best_loss:
            best_state, best_loss, n_worse = _copied(model.model), loss, 0
        else:
            n_worse += 1
        if patience is not None and n_worse >= patience:
            break
    if best_state is None:
        return (*epochs[:-1], replace(epochs[-1], is_best=True))
    _restore(model.model, best_state)
    return tuple(replace(e, is_best=e.validation_loss == best_loss) for e in epochs)


@contextmanager
def _training_precision(model: TextModel) -> Iterator[None]:
    scoring = model.compute
    model.compute = scoring.for_training()
    try:
        yield
    finally:
        model.compute = scoring


def _copied(model: nn.Module) -> dict[str, Tensor]:
    """What training changes, in the host's memory: on a GPU the optimizer needs the memory."""
    return {name: value.detach().to("cpu", copy=True) for name, value in _weights(model)}


def _restore(model: nn.Module, kept: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, value in _weights(model):
            value.copy_(kept[name])


def _weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return chain(_trained(model), model.named_buffers())


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, one) for name, one in model.named_parameters() if one.requires_grad)


def _one_pass(
    model: TextModel,
    examples: Sequence[Example],
    batch_size: int,
    optimizer: torch.optim.Optimizer,
    after_batch: Callable[[], None],
) -> float:
    model.model.train()
    total = 0.0
    for start in range(0, len(examples), batch_size):
        batch = examples[start : start + batch_size]
        loss = model.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        after_batch()
    model.model.eval()
    return total / len(examples)


def _order(
    n_documents: int, weights: Sequence[float] | None, generator: np.random.Generator
) -> NDArray[np.int64]:
    """The documents of one pass: each once, or drawn by weight."""
    if weights is None or min(weights) == max(weights):
        return generator.permutation(n_documents)
    shares = np.asarray(weights) / sum(weights)
    return generator.choice(n_documents, n_documents, p=shares)


def _mean_loss(model: TextModel, examples: Sequence[Example]) -> float:
    predictions = model.predict(examples)
    return float(predictions.losses.sum() / predictions.n_targets.sum())


def new_optimizer(model: nn.Module, training: TrainingSpec) -> torch.optim.Optimizer:
    """The optimizer of what is trained of ``model``, its step one pass over memory (fused)."""
    rate, decay = training.learning_rate, training.weight_decay
    groups = _by_rate(model, rate)
    if training.optimizer is Optimizer.ADAM:
        return torch.optim.Adam(groups, lr=rate, weight_decay=decay, fused=True)
    if training.optimizer is Optimizer.ADAMW:
        return torch.optim.AdamW(groups, lr=rate, weight_decay=decay, fused=True)
    return torch.optim.SGD(groups, lr=rate, momentum=training.momentum, weight_decay=decay)


def _by_rate(model: nn.Module, rate: float) -> list[dict[str, Any]]:
    rates = {False: rate, True: LORA_RATE_FACTOR * rate}
    own: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in _trained(model):
        own[is_of_adapter(name)].append(parameter)
    return [{"params": own[kind], "lr": rates[kind]} for kind in own if own[kind]]
