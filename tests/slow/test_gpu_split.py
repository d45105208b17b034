"""On GPUs: models that one card cannot hold have the numbers, and students, of models that it can.

One card is enough for all but what is on another card: a test says how much of it a model may take.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.split_models import n_bytes, short_of
from support.tiny_models import LABELS, documents, save_gpt2, save_llama

from assay.core.audit.stages.student_training import StudentTask
from assay.core.audit.stages.students import ModelPairSource, train_students
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.layer_passes import layer_passes
from assay.core.models.linear_layers import linear_layers
from assay.core.models.loading import load_language_model, load_pair
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.models.token_log_probs import token_evidence
from assay.core.runtime.device import Compute
from assay.core.runtime.rooms import Rooms
from assay.core.specs.audit import GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.training import StudentAdapter, TrainingSpec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

GPU = Compute("cuda:0", is_bf16=False, n_threads=1)
TEXTS = [
    TextDocument(text, LABELS.index(name))
    for text, name in zip(*documents(60, seed=3), strict=True)
]
# Where the last block is that the first card has no room for, and what the others may take.
ELSEWHERE = {
    "memory": ("in the processor's memory", ((1, 0),)),
    "disk": ("on disk", ((1, 0), ("cpu", 0))),
    "another card": ("on cuda:1", ()),
}


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request):
    if request.param == "another card" and torch.cuda.device_count() < 2:
        pytest.skip("one GPU here")
    return ELSEWHERE[request.param]


@pytest.fixture(params=[Task.SFT, Task.CLASSIFICATION])
def asked(request, tiny, tmp_path):
    """A task and two model folders."""
    if request.param is Task.SFT:
        folders = [save_llama(tmp_path / f"{n}", n, is_tied=False) for n in (0, 1)]
        return request.param, *folders
    return request.param, tiny / "base", tiny / "final"


def rows(pair):
    """Everything that is computed of documents, stage by stage."""
    is_language = not pair.final.label_names
    last = LanguageGradients(pair, 2, 256, 0) if is_language else ClassifierGradients(pair, 2)
    for models in (last, InnerGradients(pair, 1, GradientLayers.CHANGED, 256, 0)):
        for own in models.of(TEXTS):
            yield from (own.base_loss, own.alignment, own.squared_norms, *own.arrays.values())
    for found in EmbeddingGradients(pair).of(TEXTS):
        yield from (found.agreements, found.projected)
    yield pair.final.predict(pair.final.examples(TEXTS)).losses
    if is_language:
        yield LayerAgreement(pair, TEXTS).of(TEXTS)
        for batch in token_evidence(pair.base, pair.final, TEXTS):
            yield from (one.final - one.base for _, one in batch)


def test_a_split_pair_has_the_numbers_of_one_on_the_card(asked, elsewhere):
    """Whether its last blocks are on another card, in the processor's memory or on disk."""
    task, base, final = asked
    where, others = elsewhere
    split = short_of(GPU, base, task is Task.SFT, 0, others)
    whole, ours = (load_pair(base, final, task, 24, at) for at in (GPU, split))
    assert set(ours.splits.values()) == {f"blocks: 1 on cuda:0, 1 {where}"}
    for mine, own in zip(rows(ours), rows(whole), strict=True):
        np.testing.assert_allclose(mine, own, rtol=1e-4, atol=1e-5)


def test_a_student_with_lora_is_that_of_one_on_the_card(asked, elsewhere):
    """Adapters are trained beside weights that come and go: losses and predictions agree."""
    task, base, final = asked
    split = short_of(GPU, base, task is Task.SFT, 0, elsewhere[1])
    source = ModelPairSource(base, final, task, 24, GPU, None)
    training = TrainingSpec(learning_rate=3e-3, batch_size=16, n_epochs=3, max_tokens=24)
    known = tuple(TEXTS)
    student = StudentTask(
        "one",
        *(known, (1.0,) * len(known), training),
        is_stopping_early=True,
        adapter=StudentAdapter.LORA,
    )
    whole, ours = (
        next(iter(train_students([student], replace(source, compute=at), known, lambda n: None)))
        for at in (GPU, split)
    )
    for mine, own in zip(ours.epochs, whole.epochs, strict=True):
        assert mine.train_loss == pytest.approx(own.train_loss, rel=1e-3)
    np.testing.assert_allclose(ours.predictions.losses, whole.predictions.losses, rtol=1e-2)


def test_a_backward_pass_holds_one_block_of_those_elsewhere(tmp_path):
    """The card keeps neither the weights that a forward pass used nor those of a backward pass."""
    folder = save_gpt2(tmp_path / "wide", 0, width=512)
    whole = load_language_model(folder, 24, replace(GPU, device="cpu")).model
    n_blocks, size = len(whole.transformer.h), n_bytes(whole.transformer.h[0])
    outside = n_bytes(whole) - n_blocks * size
    rooms = Rooms(((0, outside), (1, 0)))
    model = load_language_model(folder, 24, replace(GPU, rooms=rooms))
    assert str(model.split) == f"blocks: {n_blocks} in the processor's memory"
    first = next(name for name, _ in linear_layers(model))
    batch = model.examples(TEXTS[:2])
    layer_passes(model, [first], batch)  # the first use of cuBLAS takes a workspace for good
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    layer_passes(model, [first], batch)
    assert torch.cuda.memory_allocated() - before < 0.2 * size
    assert torch.cuda.max_memory_allocated() - before < 1.6 * size < n_blocks * size
