"""Scores of documents by how a language model's linear layers moved, on real tiny models."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from support.tiny_models import documents, save_gpt2, save_llama

from assay.core.errors import InputError
from assay.core.models.examples import Example, TextDocument
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.linear_layers import layer_weight, linear_layers, moved_layers
from assay.core.models.loading import ModelPair, load_language_model
from assay.core.models.training import fine_tune
from assay.core.runtime.device import Compute
from assay.core.specs.training import TrainingSpec

COMPUTE = Compute("cpu", is_bf16=False, n_threads=1)
TEXTS = list(dict.fromkeys(documents(200, seed=5)[0]))
DOCUMENTS = [TextDocument(text) for text in TEXTS]
N_TRAINED = 30


@pytest.fixture(scope="module", params=[save_gpt2, save_llama])
def pair(request, tmp_path_factory):
    """A base and its fine-tune on the first documents: tied with Conv1D, untied with Linear."""
    folder = request.param(tmp_path_factory.mktemp("base"))
    base, final = (load_language_model(folder, 24, COMPUTE) for _ in range(2))
    examples = final.examples(DOCUMENTS[:N_TRAINED])
    fine_tune(final, examples, TrainingSpec(learning_rate=1e-3, n_epochs=2))
    return ModelPair(base, final)


def changed(pair, change):
    """The pair with a changed copy of the final model."""
    final = copy.copy(pair.final)
    final.model = copy.deepcopy(pair.final.model)
    with torch.no_grad():
        change(final)
    return ModelPair(pair.base, final)


def with_embeddings_of_the_base(pair):
    def put_back(final):
        layer = final.model.get_input_embeddings()
        layer.weight.copy_(pair.base.model.get_input_embeddings().weight)

    return changed(pair, put_back)


def test_training_documents_agree_without_the_embeddings(pair):
    """The layers tell them from others of their kind although the embeddings say nothing; a model
    trained on other documents does not."""
    frozen = with_embeddings_of_the_base(pair)
    asked = DOCUMENTS[: 2 * N_TRAINED]
    is_trained = np.arange(2 * N_TRAINED) < N_TRAINED
    assert roc_auc_score(is_trained, LayerAgreement(frozen, asked).of(asked)) > 0.75
    others = DOCUMENTS[N_TRAINED : 3 * N_TRAINED]
    assert abs(roc_auc_score(is_trained, LayerAgreement(frozen, others).of(others)) - 0.5) < 0.2


def test_a_documents_score_does_not_depend_on_its_batch(pair):
    """Alone, without padding, it has the same score as in a batch with longer documents."""
    layers = LayerAgreement(pair, DOCUMENTS[:60])
    together = layers.of(DOCUMENTS[:60])
    alone = [
        float(layers.of_batch(pair.final.examples([document]))[0]) for document in DOCUMENTS[:12]
    ]
    assert np.abs(together[:12] - alone).max() < 1e-3
    assert np.ptp(together) > 0.05


def test_documents_without_a_token_to_predict_score_zero(pair):
    """Single tokens, alone and beside other documents."""
    layers = LayerAgreement(pair, DOCUMENTS[:30])
    long, short = pair.final.examples(DOCUMENTS[:1])[0], Example([5])
    assert layers.of_batch([short]).tolist() == [0]
    scores = layers.of_batch([short, long])
    assert scores[0] == 0
    assert scores[1] != 0


def test_unmoved_layers_are_refused(pair):
    """Only the embeddings were trained: an error that says so, and nothing is scored."""

    def put_back(final):
        starts = dict(linear_layers(pair.base))
        for name, layer in linear_layers(final):
            layer.load_state_dict(starts[name].state_dict())

    with pytest.raises(InputError, match="linear layers were trained"):
        LayerAgreement(changed(pair, put_back), DOCUMENTS[:10])


def test_blocks_are_spread_over_the_model(pair):
    """All layers of the blocks chosen, and of those that moved only."""
    every = [name for name, _ in linear_layers(pair.base)]
    assert list(moved_layers(pair.base, pair.final, 99)) == every
    assert every[0] in moved_layers(pair.base, pair.final, 1)
    assert 0 < len(moved_layers(pair.base, pair.final, 1)) < len(every)

    def put_back(final):
        layer = dict(linear_layers(final))[every[0]]
        layer.load_state_dict(dict(linear_layers(pair.base))[every[0]].state_dict())

    assert list(moved_layers(pair.base, changed(pair, put_back).final, 99)) == every[1:]


def test_a_layer_used_twice_counts_each_token_once(pair):
    """Two blocks that share a layer: a document's score stays within its bounds and is the same in
    any batch."""

    def shared(model):
        model.model = copy.deepcopy(model.model)
        layers = dict(linear_layers(model))
        first, second = next(iter(layers)), list(layers)[len(layers) // 2]
        assert layer_weight(pair.base, first).shape == layer_weight(pair.base, second).shape
        parent, _, name = second.rpartition(".")
        setattr(model.model.get_submodule(parent), name, layers[first])

    base, final = copy.copy(pair.base), copy.copy(pair.final)
    shared(base)
    shared(final)
    layers = LayerAgreement(ModelPair(base, final), DOCUMENTS[:30])
    together = layers.of(DOCUMENTS[:10])
    alone = [float(layers.of_batch(final.examples([document]))[0]) for document in DOCUMENTS[:10]]
    assert np.abs(together - alone).max() < 1e-3
