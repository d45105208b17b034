"""Vocabularies that grew, adapters of shared matrices, and what else is said of loading."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from support.tiny_models import documents, save_bert, save_gpt2, save_llama
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from assay.core.decompress.backends.find import find_model
from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_pair
from assay.core.models.per_example_gradients import LanguageGradients
from assay.core.models.pretrained import load_causal
from assay.core.models.resolve import resolve_model
from assay.core.models.settings_digest import settings_digest
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


def grown(base, folder, kind=AutoModelForCausalLM, n_rows=None, tokens=("<user>", "<bot>")):
    """A base whose vocabulary got more tokens, all its weights moved."""
    torch.manual_seed(1)
    words, model = AutoTokenizer.from_pretrained(base), kind.from_pretrained(base)
    words.add_tokens(list(tokens))
    model.resize_token_embeddings(n_rows or len(words))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("save", [save_llama, save_gpt2])
def test_added_tokens_are_audited_and_stated(tmp_path, save, is_tied):
    """Rows are matched by token, new ones begin at the mean, and the pair says so."""
    base = save(tmp_path / "base", is_tied=is_tied)
    pair = load_pair(base, grown(base, tmp_path / "final"), Task.SFT, 24, EXACT)
    old = AutoModelForCausalLM.from_pretrained(base).get_output_embeddings().weight
    head = pair.base.head()
    assert head.shape == pair.final.head().shape == (len(old) + 2, 16)
    assert torch.equal(head[: len(old)], old)
    assert torch.allclose(head[len(old) :], old.mean(dim=0).expand(2, -1))
    (caveat,) = pair.caveats
    assert "2 tokens" in caveat
    assert "'<user>'" in caveat
    rows = list(LanguageGradients(pair, 2, 64, 0).of([TextDocument(t) for t in documents(4)[0]]))
    assert sum(len(part.indices) for part in rows) == 4


def test_added_tokens_of_a_classifier_are_audited(tmp_path):
    """A classifier's vocabulary may grow as well."""
    base = save_bert(tmp_path / "base")
    final = grown(base, tmp_path / "final", AutoModelForSequenceClassification)
    pair = load_pair(base, final, Task.CLASSIFICATION, 24, EXACT)
    assert any("2 tokens" in caveat for caveat in pair.caveats)


def test_a_matrix_cut_to_its_tokens_is_audited(tmp_path):
    """Spare rows that fine-tuning cut off, or filled, change no token."""
    plain = save_llama(tmp_path / "plain")
    n_tokens = len(AutoTokenizer.from_pretrained(plain))
    wide = grown(plain, tmp_path / "wide", n_rows=n_tokens + 30, tokens=())
    assert load_pair(wide, plain, Task.SFT, 24, EXACT).caveats == ()
    filled = grown(wide, tmp_path / "filled", n_rows=n_tokens + 30)
    pair = load_pair(wide, filled, Task.SFT, 24, EXACT)
    assert "spare rows" in pair.caveats[0]


def test_without_a_tokenizer_rows_are_not_matched(tmp_path):
    """A base whose rows nobody names, of another number, is refused."""
    base = save_llama(tmp_path / "base")
    final = grown(base, tmp_path / "final")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (base / name).unlink()
    with pytest.raises(InputError, match="base without a tokenizer"):
        load_pair(base, final, Task.SFT, 24, EXACT)


def lora(base, folder, **options):
    """An adapter with weights that are not zero; the model with it beside its weights."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM", **options))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.normal_(std=0.3)
    adapted.eval().save_pretrained(folder)
    return adapted


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_an_adapter_of_a_shared_matrix_is_merged_as_it_was_trained(tmp_path, target):
    """Merged, the model answers as with the adapter beside it, though both shared one matrix."""
    base = save_llama(tmp_path / "base", is_tied=True)
    adapted = lora(base, tmp_path / "lora", target_modules=[target])
    folder = resolve_model(str(tmp_path / "lora"), tmp_path / "models", base)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        expected, plain = adapted(ids).logits, load_causal(base)(ids).logits
        assert torch.allclose(load_causal(folder)(ids).logits, expected, atol=1e-4)
    assert not torch.allclose(expected, plain, atol=1e-2)
    pair = load_pair(base, folder, Task.SFT, 24, EXACT)
    has_moved = not torch.equal(pair.base.head(), pair.final.head())
    assert has_moved == (target == "lm_head")
    rows = list(LanguageGradients(pair, 2, 64, 0).of([TextDocument(t) for t in documents(4)[0]]))
    assert sum(len(part.indices) for part in rows) == 4


def test_an_adapter_of_a_grown_vocabulary_is_merged(tmp_path):
    """Embeddings saved with an adapter bring their added rows."""
    base = save_llama(tmp_path / "base")
    words = AutoTokenizer.from_pretrained(base)
    words.add_tokens(["<user>"])
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base)
    model.resize_token_embeddings(len(words))
    options = {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}
    adapted = get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM", **options))
    adapted.save_pretrained(tmp_path / "lora")
    words.save_pretrained(tmp_path / "lora")
    folder = resolve_model(str(tmp_path / "lora"), tmp_path / "models", base)
    ids = torch.tensor([[1, 2, len(words) - 1]])
    with torch.no_grad():
        expected = adapted.eval()(ids).logits
        assert torch.allclose(load_causal(folder)(ids).logits, expected, atol=1e-5)
    pair = load_pair(base, folder, Task.SFT, 24, EXACT)
    assert "1 token of the final model is not" in pair.caveats[0]


def test_an_adapter_beside_a_whole_model_is_said_not_to_be_read(tmp_path):
    """Where both lie in one folder the model is read; a pair of models and a decompression say
    so, and say nothing of a folder without an adapter."""
    base, final = save_llama(tmp_path / "base"), save_llama(tmp_path / "final", seed=1)
    digest = weights_digest(final)
    lora(base, tmp_path / "lora", target_modules=["q_proj"])
    for file in (tmp_path / "lora").glob("adapter_*"):
        shutil.copy(file, final)
    folder = resolve_model(str(final), tmp_path / "models", base)
    assert folder == final
    assert weights_digest(folder) == digest
    pair = load_pair(base, folder, Task.SFT, 24, EXACT)
    assert any("the adapter was ignored" in caveat for caveat in pair.caveats)
    (said,) = find_model(str(final), None, tmp_path).caveats
    assert said in pair.caveats
    assert find_model(str(base), None, tmp_path).caveats == ()


SETTINGS = {
    "tokenizer_config.json": {"chat_template": "{{ messages }}"},
    "config.json": {"hidden_act": "relu"},
    "generation_config.json": {"eos_token_id": 5},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_part_of_what_answers(tmp_path, name):
    """A chat template, an activation or an end token edited in the folder makes another model."""
    folder = save_llama(tmp_path / "model")
    before = find_model(str(folder), None, tmp_path).identity
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | SETTINGS[name]))
    after = find_model(str(folder), None, tmp_path).identity
    assert after.sha256 == before.sha256
    assert after.answers_sha256 != before.answers_sha256


def test_labels_and_templates_are_settings_and_notes_are_not(tmp_path):
    """Labels and a template's own file count; versions, types and other files do not."""
    folder = save_bert(tmp_path / "model")
    digests = {settings_digest(folder)}
    config = json.loads((folder / "config.json").read_text())
    noted = config | {"transformers_version": "9", "dtype": "bfloat16", "auto_map": {}}
    (folder / "config.json").write_text(json.dumps(noted))
    (folder / "README.md").write_text("# A model")
    (folder / "trainer_state.json").write_text("{}")
    assert {settings_digest(folder)} == digests
    labels = config | {"id2label": {"0": "music", "1": "kitchen", "2": "weather"}}
    (folder / "config.json").write_text(json.dumps(labels))
    digests.add(settings_digest(folder))
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    digests.add(settings_digest(folder))
    (folder / "special_tokens_map.json").write_text('{"pad_token": "[UNK]"}')
    digests.add(settings_digest(folder))
    assert len(digests) == 4


def test_generation_settings_change_no_answer(tmp_path):
    """What a folder says of how to generate is closed, but for the tokens that end an answer."""
    folder = save_llama(tmp_path / "model")
    plain = load_causal(folder).generation_config.to_dict()
    said = {
        "repetition_penalty": 5.0,
        "suppress_tokens": [1, 2, 3],
        "begin_suppress_tokens": [4],
        "forced_eos_token_id": 3,
        "no_repeat_ngram_size": 1,
        "min_new_tokens": 9,
        "do_sample": True,
        "max_length": 3,
        "num_beams": 7,
        "eos_token_id": [0, 7],
    }
    (folder / "generation_config.json").write_text(json.dumps(said))
    found = load_causal(folder).generation_config.to_dict()
    assert found.pop("eos_token_id") == [0, 7]
    plain.pop("eos_token_id")
    assert found == plain
    (folder / "generation_config.json").write_text('{"eos_token_id": ["x"]}')
    with pytest.raises(InputError, match="token ids under eos_token_id"):
        load_causal(folder)
