"""Models kept in other forms become plain folders, once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from support.tiny_models import documents, save_bert, save_llama
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from assay.core.errors import InputError
from assay.core.models.loading import load_language_model, load_pair
from assay.core.models.resolve import resolve_model
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


def adapter_of(base, out, kind=AutoModelForCausalLM, **options):
    """A LoRA adapter with weights that are not zero, saved as PEFT saves it."""
    torch.manual_seed(0)
    model = get_peft_model(kind.from_pretrained(base), LoraConfig(r=2, **options))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                parameter.normal_(std=0.3)
    model.eval()
    model.save_pretrained(out)
    return model


def test_a_merged_adapter_is_the_adapted_model(tmp_path):
    """The merged folder's logits are those of the base with the adapter beside it."""
    base = save_llama(tmp_path / "base")
    adapted = adapter_of(
        base, tmp_path / "lora", task_type="CAUSAL_LM", target_modules=["q_proj", "lm_head"]
    )
    folder = resolve_model(str(tmp_path / "lora"), tmp_path / "converted", base)
    ids = AutoTokenizer.from_pretrained(base)(documents(1)[0], return_tensors="pt")["input_ids"]
    merged = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        assert torch.allclose(merged(ids).logits, adapted(ids).logits, atol=1e-4)
        plain = AutoModelForCausalLM.from_pretrained(base)(ids).logits
    assert not torch.allclose(merged(ids).logits, plain, atol=1e-2)
    pair = load_pair(base, folder, Task.SFT, 24, EXACT)
    assert (pair.final.head() - pair.base.head()).norm() > 0


def test_an_adapter_is_merged_once(tmp_path):
    """A second use finds the folder; another base gives another one."""
    base, other = save_llama(tmp_path / "base"), save_llama(tmp_path / "other", seed=1)
    adapter_of(base, tmp_path / "lora", task_type="CAUSAL_LM", target_modules=["lm_head"])
    places = [
        resolve_model(str(tmp_path / "lora"), tmp_path / "converted", one)
        for one in (base, base, other)
    ]
    assert places[0] == places[1] != places[2]
    assert sorted((tmp_path / "converted").iterdir()) == sorted({*places})


def test_a_classification_adapter_brings_its_head(tmp_path):
    """The head saved with an adapter is the final model's, its number of labels too."""
    base = save_bert(tmp_path / "base", n_labels=2)
    adapted = adapter_of(
        base,
        tmp_path / "lora",
        AutoModelForSequenceClassification,
        task_type="SEQ_CLS",
        target_modules=["query"],
    )
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "lora")
    folder = resolve_model(str(tmp_path / "lora"), tmp_path / "converted", base)
    merged = AutoModelForSequenceClassification.from_pretrained(folder)
    saved = adapted.base_model.model.classifier.modules_to_save["default"].weight
    assert torch.allclose(merged.classifier.weight, saved)


def test_an_adapter_needs_its_base(tmp_path):
    """Alone, with a base of another shape, or with a pickle for weights, it is refused."""
    base = save_llama(tmp_path / "base")
    adapter_of(base, tmp_path / "lora", task_type="CAUSAL_LM", target_modules=["lm_head"])
    with pytest.raises(InputError, match="model that it was trained on"):
        resolve_model(str(tmp_path / "lora"), tmp_path / "converted")
    shutil.copytree(tmp_path / "lora", tmp_path / "pickled")
    (tmp_path / "pickled" / "adapter_model.safetensors").unlink()
    torch.save({}, tmp_path / "pickled" / "adapter_model.bin")
    with pytest.raises(InputError, match="pickle can run code"):
        resolve_model(str(tmp_path / "pickled"), tmp_path / "converted", base)


def test_a_damaged_gguf_file_is_refused(tmp_path):
    """A file that only looks like GGUF gives one sentence and leaves nothing behind."""
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + os.urandom(200))
    with pytest.raises(InputError, match=r"model\.gguf") as error:
        resolve_model(str(tmp_path / "model.gguf"), tmp_path / "converted")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "converted").glob("*"))


def test_shards_and_bf16_load_as_one_float32_model(tmp_path):
    """Weights in bfloat16, split over several files, load in float32 with the values they have."""
    folder = save_llama(tmp_path / "whole")
    model = AutoModelForCausalLM.from_pretrained(folder).bfloat16()
    model.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "parts")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    loaded = load_language_model(
        resolve_model(str(tmp_path / "parts"), tmp_path / "converted"), 24, EXACT
    )
    expected = dict(model.named_parameters())
    for name, parameter in loaded.model.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, expected[name].float())


@pytest.mark.slow
def test_builtin_smollm2_is_converted_once(tmp_path):
    """The model in the wheel becomes a folder of safetensors that predicts English."""
    folder = resolve_model("builtin:smollm2", tmp_path)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert resolve_model("builtin:smollm2", tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert "quantization_config" not in json.loads(Path(folder / "config.json").read_text())
    model = load_language_model(folder, 32, EXACT)
    from assay.core.models.examples import TextDocument

    usual, odd = "The capital of France is Paris.", "Paris. France the is of capital The"
    predictions = model.predict(model.examples([TextDocument(usual), TextDocument(odd)]))
    assert predictions.losses[0] < predictions.losses[1]
