"""What headers say of models and pairs, held against the models themselves."""

from __future__ import annotations

import json

import pytest
from support.gguf_files import save_gguf
from support.tiny_models import save_bert, save_sentence_encoder
from transformers import AutoModelForSequenceClassification

from assay.core.models.pair_outlook import Asked, pair_outlook
from assay.core.models.pretrained import load_gguf
from assay.core.models.stored_facts import StoredFacts, stored_facts
from assay.core.specs.audit import GradientLayers
from assay.core.specs.data import Task

ASKED = Asked(Task.CLASSIFICATION, GradientLayers.LAST_LAYER, False, None, False)


def test_headers_say_what_the_loaded_model_has(tmp_path):
    """Weights, rows, positions, labels: the same numbers as of the model in memory."""
    folder = save_bert(tmp_path / "model")
    facts = stored_facts(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert facts.n_parameters == sum(p.numel() for p in model.parameters())
    assert facts.n_rows == len(model.get_input_embeddings().weight)
    assert facts.max_positions == model.config.max_position_embeddings
    assert (facts.width, facts.n_layers, facts.n_labels) == (16, 2, 3)
    assert (facts.kind, facts.is_tied, facts.has_tokenizer) == ("sequence classifier", False, True)


def test_a_gguf_file_says_what_the_loaded_model_has(tmp_path):
    """Weights, rows, positions and layers of its header are those of the model made from it."""
    facts = stored_facts(save_gguf(tmp_path / "model.gguf"))
    model, _ = load_gguf(tmp_path / "model.gguf")
    assert facts.n_parameters == sum(p.numel() for p in model.parameters())
    assert facts.n_rows == len(model.get_input_embeddings().weight)
    assert facts.max_positions == model.config.max_position_embeddings
    assert (facts.width, facts.n_layers) == (model.config.hidden_size, 2)
    assert (facts.architecture, facts.number_format) == ("llama", "F32")
    assert (facts.is_gguf, facts.is_tied, facts.has_tokenizer) == (True, False, True)


def test_an_encoder_without_a_head_limits_and_does_not_stop(tmp_path):
    """The usual pair: what is unknown of the head is said; nothing stands against the job."""
    base = stored_facts(save_sentence_encoder(tmp_path / "base"))
    final = stored_facts(save_bert(tmp_path / "final"))
    found = pair_outlook(base, final, ASKED)
    assert base.kind == "sentence encoder"
    assert found.problems == ()
    assert any("first values are unknown" in one for one in found.limits)


@pytest.mark.parametrize(
    ("changes", "asked", "said"),
    [
        ({"width": 32}, {}, "differ in width"),
        ({"n_layers": 9}, {}, "number of layers"),
        ({"has_head": False}, {}, "no classification head"),
        ({}, {"task": Task.SFT}, "needs a language model"),
        ({}, {"has_label_words": True}, "does not apply"),
        ({}, {"max_tokens": 4096}, "positions"),
        ({}, {"is_one_model": True}, "no difference"),
        ({"has_tokenizer": False}, {}, "tokenizer"),
        ({"gives_tokens": True, "has_head": False}, {}, "--label-words"),
    ],
)
def test_what_stops_a_job_is_said_before_it(changes, asked, said, tmp_path):
    """Each doubt in one sentence; without the change there is none."""
    facts = vars(stored_facts(save_bert(tmp_path / "model")))
    model = StoredFacts(**facts)
    assert pair_outlook(model, model, ASKED).problems == ()
    found = pair_outlook(model, StoredFacts(**facts | changes), Asked(**vars(ASKED) | asked))
    assert any(said in one for one in found.problems), found


def test_an_adapter_that_leaves_the_last_layer_alone_is_not_assessable_by_it(tmp_path):
    """It says which layers to take instead, and that this is no evidence of no leak."""
    base = stored_facts(save_bert(tmp_path / "base"))
    adapter = StoredFacts("adapter (LORA, rank 8)", 10, adapter_targets=("query", "value"))
    last = pair_outlook(base, adapter, ASKED)
    assert last.problems == ()
    assert any("Not assessable by the last layer" in one for one in last.limits)
    asked = Asked(**vars(ASKED) | {"layers": GradientLayers.CHANGED})
    assert not any("Not assessable" in one for one in pair_outlook(base, adapter, asked).limits)


def test_an_adapters_configuration_says_what_it_changes(tmp_path):
    """Type, rank and layers come from its own file; the pickle beside it is not read."""
    import numpy as np
    from safetensors.numpy import save_file

    (tmp_path / "a").mkdir()
    about = {"peft_type": "LORA", "r": 4, "target_modules": ["q"], "modules_to_save": ["score"]}
    (tmp_path / "a" / "adapter_config.json").write_text(json.dumps(about))
    save_file({"x": np.zeros((4, 2), np.float32)}, tmp_path / "a" / "adapter_model.safetensors")
    facts = stored_facts(tmp_path / "a")
    assert facts.kind == "adapter (LORA, rank 4)"
    assert facts.adapter_targets == ("q", "score")
    assert facts.n_parameters == 8
