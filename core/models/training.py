"""Fine-tuning a classifier, the same way for final models and for students (paper §5)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from core.errors import InputError
from core.models.classifier import Classifier
from core.specs import Optimizer, TrainingSpec

_TOKENS_PER_BATCH = 8192


@dataclass(frozen=True)
class Epoch:
    """Mean losses (nats a document) after one pass; ``is_best``: the model was kept as it was."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    is_best: bool = False


def fine_tune(
    classifier: Classifier,
    texts: Sequence[str],
    labels: Sequence[int],
    training: TrainingSpec,
    weights: Sequence[float] | None = None,
    validation: tuple[Sequence[str], Sequence[int]] | None = None,
    patience: int | None = None,
    after_batch: Callable[[], None] = lambda: None,
) -> tuple[Epoch, ...]:
    """Train ``classifier`` in place; with ``validation`` it ends as it was after its best epoch.

    Constant learning rate, every parameter trained, order and dropout drawn from the seed.
    With ``weights`` that are not all alike, each pass draws as many documents with replacement in
    proportion to them.
    ``patience`` ends training after that many epochs without a better validation loss.
    """
    torch.manual_seed(training.seed)
    generator = np.random.default_rng(training.seed)
    optimizer = _optimizer(classifier.model, training)
    token_ids = classifier.tokenize(texts)
    targets = torch.tensor(labels, device=classifier.compute.device)
    epochs: list[Epoch] = []
    best_state, best_loss, n_worse = None, float("inf"), 0
    for epoch in range(training.n_epochs):
        train_loss = _one_pass(
            classifier,
            token_ids,
            targets,
            _order(len(token_ids), weights, generator),
            training.batch_size,
            optimizer,
            after_batch,
        )
        if validation is None:
            epochs.append(Epoch(epoch, train_loss, None))
            continue
        loss = _mean_loss(classifier, *validation)
        epochs.append(Epoch(epoch, train_loss, loss))
        if loss < best_loss:
            best_state, best_loss, n_worse = copy.deepcopy(classifier.model.state_dict()), loss, 0
        else:
            n_worse += 1
        if patience is not None and n_worse >= patience:
            break
    if best_state is None:
        return (*epochs[:-1], replace(epochs[-1], is_best=True))
    classifier.model.load_state_dict(best_state)
    return tuple(replace(e, is_best=e.validation_loss == best_loss) for e in epochs)


def check_training(training: TrainingSpec) -> None:
    """InputError for settings that contradict each other."""
    if training.momentum and training.optimizer is not Optimizer.SGD:
        raise InputError(
            "momentum with sgd only",
            f"{training.momentum} with {training.optimizer}",
            "leave out --momentum or name --optimizer sgd",
        )


def log_probabilities(
    classifier: Classifier,
    texts: Sequence[str],
    after_batch: Callable[[int], None] = lambda n_documents: None,
) -> NDArray[np.float32]:
    """log p(label | document), (n × C, float32), in the order of ``texts``."""
    result = np.zeros((len(texts), len(classifier.label_names)), np.float32)
    with torch.inference_mode():
        for indices, ids in batches_by_length(classifier.tokenize(texts)):
            logits, _ = classifier.forward(*classifier.pad(ids))
            result[indices] = logits.log_softmax(dim=-1).cpu().numpy()
            after_batch(len(indices))
    return result


def batches_by_length(
    token_ids: Sequence[Sequence[int]],
) -> Iterator[tuple[list[int], list[Sequence[int]]]]:
    """Documents of similar length together, so that little is padded: (indices, token ids).

    Longest first: if memory does not suffice, the first batch says so.
    """
    order = sorted(range(len(token_ids)), key=lambda index: -len(token_ids[index]))
    start = 0
    while start < len(order):
        longest = max(1, len(token_ids[order[start]]))
        indices = order[start : start + max(1, _TOKENS_PER_BATCH // longest)]
        yield indices, [token_ids[index] for index in indices]
        start += len(indices)


def _one_pass(
    classifier: Classifier,
    token_ids: Sequence[Sequence[int]],
    targets: torch.Tensor,
    order: NDArray[np.int64],
    batch_size: int,
    optimizer: torch.optim.Optimizer,
    after_batch: Callable[[], None],
) -> float:
    classifier.model.train()
    total = 0.0
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        logits, _ = classifier.forward(*classifier.pad([token_ids[index] for index in indices]))
        loss = functional.cross_entropy(logits, targets[torch.from_numpy(indices)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(indices)
        after_batch()
    classifier.model.eval()
    return total / len(order)


def _order(
    n_documents: int, weights: Sequence[float] | None, generator: np.random.Generator
) -> NDArray[np.int64]:
    """The documents of one pass: each once, or drawn by weight."""
    if weights is None or min(weights) == max(weights):
        return generator.permutation(n_documents)
    shares = np.asarray(weights) / sum(weights)
    return generator.choice(n_documents, n_documents, p=shares)


def _mean_loss(classifier: Classifier, texts: Sequence[str], labels: Sequence[int]) -> float:
    scores = log_probabilities(classifier, texts)
    return float(-scores[np.arange(len(labels)), list(labels)].mean())


def _optimizer(model: nn.Module, training: TrainingSpec) -> torch.optim.Optimizer:
    parameters, rate, decay = model.parameters(), training.learning_rate, training.weight_decay
    if training.optimizer is Optimizer.ADAM:
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
    if training.optimizer is Optimizer.ADAMW:
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=rate, momentum=training.momentum, weight_decay=decay)
