"""Training: what an epoch draws, which epoch is kept, and that a seed decides everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.tiny_models import LABELS, documents, save_bert

from assay.core.errors import InputError
from assay.core.models.examples import Example, TextDocument
from assay.core.models.loading import load_classifier
from assay.core.models.text_model import batches_by_length
from assay.core.models.training import _order, fine_tune
from assay.core.runtime.device import Compute, choose_compute
from assay.core.specs.training import TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
TRAINING = TrainingSpec(learning_rate=3e-3, batch_size=8, n_epochs=6, max_tokens=24)


@pytest.fixture
def classifier(tmp_path):
    return load_classifier(save_bert(tmp_path / "base"), 24, EXACT)


def labelled(classifier, n, seed, shift=0):
    """Examples of tiny documents, their labels moved on by ``shift``."""
    texts, names = documents(n, seed)
    return classifier.examples(
        [
            TextDocument(text, (LABELS.index(name) + shift) % len(LABELS))
            for text, name in zip(texts, names, strict=True)
        ]
    )


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
    validation = labelled(classifier, 40, seed=2)
    spec = replace(TRAINING, learning_rate=2e-2, n_epochs=8)
    epochs = fine_tune(classifier, labelled(classifier, 40, seed=1), spec, validation=validation)
    loss = classifier.predict(validation).losses.mean()
    (best,) = [epoch for epoch in epochs if epoch.is_best]
    assert best.validation_loss == min(epoch.validation_loss for epoch in epochs)
    assert loss == pytest.approx(best.validation_loss, abs=1e-5)


def test_patience_ends_training_early(classifier):
    """Training stops that many epochs after the best one."""
    wrong = labelled(classifier, 40, seed=2, shift=1)
    spec = replace(TRAINING, n_epochs=40)
    train = labelled(classifier, 40, seed=1)
    epochs = fine_tune(classifier, train, spec, validation=wrong, patience=2)
    best = next(epoch.epoch for epoch in epochs if epoch.is_best)
    assert len(epochs) == best + 3 < 40


def test_a_seed_decides_everything(tmp_path):
    """The same seed gives the same weights bit for bit; another gives others."""
    results = []
    for seed in (0, 0, 1):
        classifier = load_classifier(save_bert(tmp_path / f"{len(results)}"), 24, EXACT)
        train = labelled(classifier, 30, seed=1)
        fine_tune(classifier, train, replace(TRAINING, seed=seed))
        results.append(torch.cat([p.detach().flatten() for p in classifier.model.parameters()]))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_batches_hold_every_document_once():
    """Sorting by length loses nobody, and no batch mixes a long document with many short ones."""
    lengths = np.random.default_rng(0).integers(1, 500, 300)
    batches = list(batches_by_length([Example([1] * int(length)) for length in lengths]))
    assert sorted(index for indices in batches for index in indices) == list(range(300))
    padded = sum(lengths[indices].max() * len(indices) for indices in batches)
    assert padded < 1.15 * lengths.sum()
    assert 300 * lengths.max() > 1.5 * lengths.sum()


def test_the_device_is_chosen_or_refused():
    """Without a name the fastest device there is; a name that is none is refused."""
    expected = "cuda" if torch.cuda.is_available() else None
    chosen = choose_compute()
    assert chosen.device == expected or chosen.device in ("cpu", "mps")
    assert chosen.precision == "fp32"
    for asked in ("bf16", "fp32"):
        compute = choose_compute("cpu", asked)
        assert (compute.precision, compute.training_precision) == (asked, asked)
    with pytest.raises(InputError, match="auto, bf16 or fp32"):
        choose_compute("cpu", "fp8")
    with pytest.raises(InputError, match="abacus"):
        choose_compute("abacus")


def test_bf16_gradients_stay_close(tmp_path):
    """In bfloat16 the forward pass moves losses by little, and by something."""
    folder = save_bert(tmp_path / "base")
    texts, _ = documents(30, seed=3)
    labelled_texts = [TextDocument(text, 0) for text in texts]
    exact, rounded = (
        classifier.predict(classifier.examples(labelled_texts)).losses
        for classifier in (
            load_classifier(folder, 24, EXACT),
            load_classifier(folder, 24, Compute("cpu", True, 1)),
        )
    )
    assert np.abs(exact - rounded).max() < 0.05
    assert not np.array_equal(exact, rounded)


def test_training_alone_may_run_in_bf16(tmp_path):
    """Trained in bf16 the weights are others than in float32 and are stored in float32; scores
    before and after are those of float32."""
    mixed = replace(EXACT, trains_in_bf16=True)
    trained = {}
    for compute in (EXACT, mixed):
        name = compute.training_precision
        classifier = load_classifier(save_bert(tmp_path / name), 24, compute)
        examples = labelled(classifier, 30, seed=1)
        before = classifier.predict(examples).losses
        fine_tune(classifier, examples, TRAINING)
        assert classifier.compute == compute
        trained[name] = before, classifier
    (first, exact), (second, other) = trained["fp32"], trained["bf16"]
    assert np.array_equal(first, second)
    assert other.head().dtype == torch.float32
    assert not torch.equal(exact.head(), other.head())
    assert torch.allclose(exact.head(), other.head(), atol=0.05)
