"""Model folders made to run code, to read other files or to have other weights digested."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from support.paths import ROOT
from support.tiny_models import documents, save_bert, save_gpt2, save_llama
from transformers import AutoModelForCausalLM

from assay.core.decompress.backends.base import ModelIdentity
from assay.core.decompress.backends.hf_transformers import LocalBackend
from assay.core.errors import InputError
from assay.core.models.digests import tokenizer_digest, weights_digest
from assay.core.models.loading import load_pair
from assay.core.models.pretrained import load_causal, load_tokenizer
from assay.core.models.resolve import resolve_model
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task
from assay.core.specs.decompression import Engine
from assay.core.specs.model_calls import Call, Sampling

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


@pytest.fixture
def trap(tmp_path):
    """A file that exists only if somebody's code ran."""
    return tmp_path / "ran"


@pytest.fixture(autouse=True)
def terminal_that_says_yes(monkeypatch):
    """Whoever asks on the terminal is told yes, as ``yes |`` would."""
    asked = []
    monkeypatch.setattr("builtins.input", lambda *words: asked.append(words) or "yes")
    yield
    assert not asked


def edit(folder, name, **values):
    """Change keys of a folder's JSON file, made if it is not there."""
    file = folder / name
    held = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(held | values))
    return folder


def add_code(folder, trap):
    """Code for every part of a model, named in both configurations as released models do it."""
    (folder / "evil.py").write_text(
        f"open({str(trap)!r}, 'w')\nclass Tk: pass\nclass Model: pass\n"
    )
    edit(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "evil.Tk"]})
    parts = (
        "AutoConfig",
        "AutoModel",
        "AutoModelForCausalLM",
        "AutoModelForSequenceClassification",
    )
    return edit(folder, "config.json", auto_map=dict.fromkeys(parts, "evil.Model"))


def with_adapter(base, folder):
    """A LoRA adapter of a causal model whose weights are not zero."""
    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(r=2, task_type="CAUSAL_LM", target_modules=["q_proj"]),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    model.save_pretrained(folder)
    return folder


def pair(base, final, converted, task=Task.SFT):
    folder = resolve_model(str(base), converted)
    return load_pair(folder, resolve_model(str(final), converted, folder), task, 24, EXACT)


def test_code_beside_a_native_model_is_left_alone(tmp_path, trap):
    """Base, final and adapter that name code of their own load with transformers' classes."""
    plain = [save_llama(tmp_path / name, seed) for seed, name in enumerate(("base", "final"))]
    expected = pair(*plain, tmp_path / "models")
    lora = with_adapter(plain[0], tmp_path / "lora")
    load_tokenizer(plain[1]).save_pretrained(lora)
    for folder in (*plain, lora):
        add_code(folder, trap)
    (tmp_path / "lora" / "config.json").unlink()
    loaded = pair(*plain, tmp_path / "models")
    assert torch.equal(loaded.base.head(), expected.base.head())
    assert torch.equal(loaded.final.head(), expected.final.head())
    assert type(loaded.final.model).__module__.startswith("transformers.")
    assert type(loaded.final.tokenizer).__module__.startswith("transformers.")
    pair(plain[0], lora, tmp_path / "models")
    assert not trap.exists()


def test_code_of_an_unknown_architecture_is_refused(tmp_path, trap):
    """A model that only its own code could run is refused in one sentence."""
    base, final = save_llama(tmp_path / "base"), save_llama(tmp_path / "final", seed=1)
    edit(add_code(final, trap), "config.json", model_type="stranger")
    with pytest.raises(InputError, match="needs its own code") as error:
        pair(base, final, tmp_path / "models")
    assert "\n" not in str(error.value)
    assert not trap.exists()


def test_tokenizers_are_read_at_the_same_time(tmp_path):
    """By threads, as by processes forked from one that has read some: none is in another's way."""
    folder = save_bert(tmp_path / "base")
    expected, at_once = load_tokenizer(folder).get_vocab(), Barrier(8)

    def read(_):
        at_once.wait()
        return load_tokenizer(folder).get_vocab()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read, range(8))) == [expected] * 8


@pytest.mark.parametrize("auto_map", [[None, "evil.Tk"], ["evil.Tk", None], "evil.Tk", 7, {}])
def test_a_tokenizer_of_another_makes_no_difference(tmp_path, trap, auto_map):
    """Whatever form the name of a tokenizer's code has, transformers' own is loaded."""
    folder = add_code(save_bert(tmp_path / "base"), trap)
    edit(folder, "tokenizer_config.json", auto_map=auto_map)
    expected = load_tokenizer(save_bert(tmp_path / "plain"))
    assert load_tokenizer(folder).get_vocab() == expected.get_vocab()
    assert not trap.exists()


def test_a_terminal_is_never_asked(tmp_path, trap):
    """A pair whose base names code is loaded by a process whose input says yes to everything."""
    base, final = save_llama(tmp_path / "base"), save_llama(tmp_path / "final", seed=1)
    add_code(base, trap)
    script = (
        "import sys; from pathlib import Path; from assay.core.runtime.device import Compute;"
        "from assay.core.models.loading import load_pair; from assay.core.specs.data import Task;"
        "load_pair(Path(sys.argv[1]), Path(sys.argv[2]), Task.SFT, 24, Compute('cpu', False, 1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, base, final],
        input="yes\n" * 100,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[y/N]" not in done.stdout + done.stderr
    assert not trap.exists()


def test_decompression_runs_no_code(tmp_path, trap):
    """The local backend of a decompression answers with transformers' own class."""
    folder = add_code(save_llama(tmp_path / "model"), trap)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(f"open({str(trap)!r}, 'w')")
    identity = ModelIdentity("it", weights_digest(folder), True, 1, Engine.TRANSFORMERS)
    backend = LocalBackend(folder, identity, EXACT)
    ((_, answer),) = next(iter(backend.answer([Call("draw", "rain", Sampling(3), seed=0)])))
    assert answer.n_tokens == 3
    assert not trap.exists()


def test_the_sentence_encoder_runs_no_code(tmp_path, trap, monkeypatch):
    """The encoder is loaded with remote code off, wherever it lies."""
    from assay.core.models.locate import builtin_minilm

    folder = tmp_path / "encoder"
    shutil.copytree(builtin_minilm(), folder)
    expected = Embedder(EXACT).embed(["rain and snow"])
    add_code(folder, trap)
    monkeypatch.setattr("assay.core.models.sentence_encoder.builtin_minilm", lambda: folder)
    assert (Embedder(EXACT).embed(["rain and snow"]) == expected).all()
    assert not trap.exists()


def test_neighbours_of_a_gguf_file_are_not_read(tmp_path, trap):
    """Code, adapters and configurations beside a GGUF file change nothing."""
    from support.gguf_files import save_gguf

    (tmp_path / "alone").mkdir()
    (tmp_path / "crowd").mkdir()
    alone = save_gguf(tmp_path / "alone" / "model.gguf")
    crowd = shutil.copy(alone, tmp_path / "crowd" / "model.gguf")
    add_code(tmp_path / "crowd", trap)
    (tmp_path / "crowd" / "adapter_config.json").write_text('{"base_model_name_or_path": "x"}')
    first = load_causal(resolve_model(str(alone), tmp_path / "one"))
    second = load_causal(resolve_model(str(crowd), tmp_path / "two"))
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert not trap.exists()


def test_configurations_cannot_choose_files_or_kernels(tmp_path):
    """Keys that name other weights, kernels or forms of answers are not followed."""
    folder = save_llama(tmp_path / "model")
    expected = load_causal(folder)
    save_file({}, folder / "other.safetensors")
    edit(
        folder,
        "config.json",
        transformers_weights="other.safetensors",
        attn_implementation="somebody/kernels",
        _attn_implementation="somebody/kernels",
        configuration_files=["config.9.0.0.json"],
        return_dict=False,
        output_attentions=True,
    )
    loaded = load_causal(folder)
    for ours, theirs in zip(loaded.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert loaded(torch.tensor([[1, 2]])).logits.shape[:2] == (1, 2)


def test_a_tokenizer_cannot_choose_its_files(tmp_path):
    """What is read as tokenizer is what is digested, whatever tokenizer_config.json names."""
    folder, other = save_bert(tmp_path / "model"), save_gpt2(tmp_path / "other")
    expected, digest = load_tokenizer(folder).get_vocab(), tokenizer_digest(folder)
    shutil.copy(other / "tokenizer.json", folder / "tokenizer.5.0.0.json")
    edit(
        folder,
        "tokenizer_config.json",
        fast_tokenizer_files=["tokenizer.5.0.0.json"],
        tokenizer_file=str(other / "tokenizer.json"),
        vocab_file=str(other / "tokenizer.json"),
    )
    assert load_tokenizer(folder).get_vocab() == expected
    assert tokenizer_digest(folder) == digest


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (open, (str(self.place), "w"))


def test_a_pickled_adapter_is_never_loaded(tmp_path, trap):
    """``adapter_model.bin`` is refused even beside safetensors, and ignored beside its own."""
    base = save_llama(tmp_path / "base")
    lora = with_adapter(base, tmp_path / "lora")
    (lora / "adapter_model.bin").write_bytes(pickle.dumps(Trap(trap)))
    save_file({"x": torch.zeros(1)}, lora / "model.safetensors")
    pair(base, lora, tmp_path / "models")
    (lora / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match="pickle can run code"):
        pair(base, lora, tmp_path / "models")
    assert not trap.exists()


def test_an_adapter_names_no_modules_to_import(tmp_path, trap, monkeypatch):
    """What an adapter says of Megatron, of other bases or in long patterns is not followed."""
    base = save_llama(tmp_path / "base")
    lora = with_adapter(base, tmp_path / "lora")
    plain = pair(base, lora, tmp_path / "one").final.model.state_dict()
    (tmp_path / "evil.py").write_text(f"open({str(trap)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    edit(
        lora,
        "adapter_config.json",
        megatron_config={"x": 1},
        megatron_core="evil",
        auto_mapping={"base_model_class": "X", "parent_library": "evil"},
        base_model_name_or_path="/nowhere",
        target_modules="(.*)*(.*)*q_proj$|" + "(a+)+" * 50,
    )
    loaded = pair(base, lora, tmp_path / "two").final.model.state_dict()
    assert all(torch.equal(plain[name], loaded[name]) for name in plain)
    assert not trap.exists()
    edit(lora, "adapter_config.json", rank_pattern={"(a+)+(b+)+(c+)+": 4})
    with pytest.raises(InputError, match="at most 3 repeats"):
        pair(base, lora, tmp_path / "three")
    edit(lora, "adapter_config.json", rank_pattern={}, peft_type="XLORA")
    with pytest.raises(InputError, match="an adapter of type LORA"):
        pair(base, lora, tmp_path / "three")


def test_documents_still_run(tmp_path):
    """A pair of plain folders, the control of all above, predicts."""
    base, final = save_llama(tmp_path / "base"), save_llama(tmp_path / "final", seed=1)
    loaded = pair(base, final, tmp_path / "models")
    from assay.core.models.examples import TextDocument

    texts = [TextDocument(text) for text in documents(3)[0]]
    assert loaded.final.predict(loaded.final.examples(texts)).losses.shape == (3,)
