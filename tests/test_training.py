"""Training: what an epoch draws, which epoch is kept, and that a seed decides everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_models import LABELS, documents, save_bert

from core.device import Compute, choose_compute
from core.errors import InputError
from core.models.loading import load_classifier
from core.models.training import _order, batches_by_length, fine_tune, log_probabilities
from core.specs import TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
TRAINING = TrainingSpec(learning_rate=3e-3, batch_size=8, n_epochs=6, max_tokens=24)


@pytest.fixture
def classifier(tmp_path):
    return load_classifier(save_bert(tmp_path / "base"), 24, EXACT)


def labelled(n, seed):
    texts, names = documents(n, seed)
    return texts, [LABELS.index(name) for name in names]


def test_equal_weights_draw_each_document_once():
    """Without weights, or with equal ones, an epoch is a permutation."""
    for weights in (None, [1.0] * 50):
        order = _order(50, weights, np.random.default_rng(0))
        assert sorted(order.tolist()) == list(range(50))


def test_weights_are_sampling_weights():
    """A document of weight 0 is never drawn; one of triple weight about three times as often."""
    weights = [0.0] + [1.0] * 49 + [3.0] * 50
    generator = np.random.default_rng(0)
    drawn = np.bincount(
        np.concatenate([_order(100, weights, generator) for _ in range(200)]), minlength=100
    )
    assert drawn[0] == 0
    assert drawn[50:].mean() / drawn[1:50].mean() == pytest.approx(3, rel=0.1)


def test_the_best_epoch_is_kept(classifier):
    """With a validation set the model ends as it was after its lowest validation loss."""
    validation = labelled(40, seed=2)
    spec = replace(TRAINING, learning_rate=2e-2, n_epochs=8)
    epochs = fine_tune(classifier, *labelled(40, seed=1), spec, validation=validation)
    scores = log_probabilities(classifier, validation[0])
    loss = -scores[np.arange(40), validation[1]].mean()
    (best,) = [epoch for epoch in epochs if epoch.is_best]
    assert best.validation_loss == min(epoch.validation_loss for epoch in epochs)
    assert loss == pytest.approx(best.validation_loss, abs=1e-5)


def test_patience_ends_training_early(classifier):
    """Training stops that many epochs after the best one."""
    validation = labelled(40, seed=2)
    wrong = [(label + 1) % 3 for label in validation[1]]
    spec = replace(TRAINING, n_epochs=40)
    epochs = fine_tune(
        classifier, *labelled(40, seed=1), spec, validation=(validation[0], wrong), patience=2
    )
    best = next(epoch.epoch for epoch in epochs if epoch.is_best)
    assert len(epochs) == best + 3 < 40


def test_a_seed_decides_everything(tmp_path):
    """The same seed gives the same weights bit for bit; another gives others."""
    results = []
    for seed in (0, 0, 1):
        classifier = load_classifier(save_bert(tmp_path / f"{len(results)}"), 24, EXACT)
        fine_tune(classifier, *labelled(30, seed=1), replace(TRAINING, seed=seed))
        results.append(torch.cat([p.detach().flatten() for p in classifier.model.parameters()]))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_batches_hold_every_document_once():
    """Sorting by length loses nobody, and no batch mixes a long document with many short ones."""
    lengths = np.random.default_rng(0).integers(1, 500, 300)
    token_ids = [[1] * int(length) for length in lengths]
    batches = list(batches_by_length(token_ids))
    assert sorted(index for indices, _ in batches for index in indices) == list(range(300))
    padded = sum(max(map(len, ids)) * len(ids) for _, ids in batches)
    assert padded < 1.15 * lengths.sum()
    assert 300 * lengths.max() > 1.5 * lengths.sum()


def test_the_device_is_chosen_or_refused():
    """Without a name the fastest device there is; a name that is none is refused."""
    expected = "cuda" if torch.cuda.is_available() else None
    chosen = choose_compute()
    assert chosen.device == expected or chosen.device in ("cpu", "mps")
    assert choose_compute("cpu", "bf16").precision == "bf16"
    with pytest.raises(InputError, match="auto, bf16, fp32"):
        choose_compute("cpu", "fp8")
    with pytest.raises(InputError, match="abacus"):
        choose_compute("abacus")


def test_bf16_gradients_stay_close(tmp_path):
    """In bfloat16 the forward pass moves log-probabilities by little, and by something."""
    folder = save_bert(tmp_path / "base")
    texts, _ = documents(30, seed=3)
    exact = log_probabilities(load_classifier(folder, 24, EXACT), texts)
    rounded = log_probabilities(load_classifier(folder, 24, Compute("cpu", True, 1)), texts)
    assert np.abs(exact - rounded).max() < 0.05
    assert not np.array_equal(exact, rounded)
