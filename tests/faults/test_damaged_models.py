"""Model files that are cut, empty or something else: one sentence each, and never for ever."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from support.gguf_files import save_gguf
from support.tiny_models import save_bert, save_llama
from transformers import AutoModelForCausalLM

from assay.core.decompress.backends.find import find_model
from assay.core.errors import InputError
from assay.core.models.digests import adapter_digest, weights_digest
from assay.core.models.loading import load_pair
from assay.core.models.pretrained import load_causal, load_tokenizer, read_config
from assay.core.models.resolve import resolve_model
from assay.core.models.safetensors_header import read_header
from assay.core.models.stored_facts import stored_facts
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task

EXACT = Compute("cpu", is_bf16=False, n_threads=1)

# Every test of this file ends within seconds; what it is about once hung.
pytestmark = pytest.mark.timeout(60)


def cut(file: Path, n_bytes: int = 1) -> None:
    file.write_bytes(file.read_bytes()[:-n_bytes])


def refuse(match, read, *arguments):
    with pytest.raises(InputError, match=match) as error:
        read(*arguments)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 700


def pair(base, final, converted):
    folder = resolve_model(str(base), converted)
    return load_pair(folder, resolve_model(str(final), converted, folder), Task.SFT, 24, EXACT)


@pytest.fixture
def models(tmp_path):
    return save_llama(tmp_path / "base"), save_llama(tmp_path / "final", seed=1)


@pytest.mark.parametrize("which", [0, 1])
def test_a_model_cut_by_one_byte_is_refused(models, tmp_path, which):
    """Base or final, whole a moment ago, is refused by resolve, digest and load."""
    pair(*models, tmp_path)
    file = models[which] / "model.safetensors"
    weights_digest(models[which])
    cut(file)
    refuse("one that is cut", pair, *models, tmp_path)
    refuse("one that is cut", weights_digest, models[which])
    refuse("one that is cut", load_causal, models[which])


def test_a_shard_cut_by_one_byte_is_refused(models, tmp_path):
    """Any shard that is shorter than its header says names itself."""
    model = AutoModelForCausalLM.from_pretrained(models[0])
    model.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    shards = sorted((tmp_path / "parts").glob("*.safetensors"))
    assert len(shards) > 1
    weights_digest(tmp_path / "parts")
    cut(shards[-1])
    refuse(shards[-1].name, weights_digest, tmp_path / "parts")
    shards[-1].unlink()
    refuse("a folder without it", weights_digest, tmp_path / "parts")


def test_a_cut_adapter_and_a_cut_conversion_are_refused(models, tmp_path):
    """An adapter that is cut, or what was merged from it and cut later, is one sentence."""
    adapter = tmp_path / "lora"
    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(models[0]),
        LoraConfig(r=2, task_type="CAUSAL_LM", target_modules=["q_proj"], init_lora_weights=False),
    )
    adapted.save_pretrained(adapter)
    folder = resolve_model(str(adapter), tmp_path / "models", models[0])
    pair(models[0], adapter, tmp_path / "models")
    cut(folder / "model.safetensors")
    refuse("one that is cut", pair, models[0], adapter, tmp_path / "models")
    adapter_digest(adapter)
    cut(adapter / "adapter_model.safetensors")
    refuse("one that is cut", adapter_digest, adapter)
    refuse("one that is cut", pair, models[0], adapter, tmp_path / "other")


def test_a_cut_gguf_file_is_refused(tmp_path):
    """A GGUF file cut anywhere is refused; whole, it is converted."""
    file = save_gguf(tmp_path / "model.gguf")
    resolve_model(str(file), tmp_path / "whole")
    size = file.stat().st_size
    for n_bytes in (1, size // 2, size - 30, size - 8, size):
        part = tmp_path / "part.gguf"
        part.write_bytes(file.read_bytes()[: size - n_bytes])
        refuse(r"part\.gguf", resolve_model, str(part), tmp_path / "converted")
        refuse(r"part\.gguf", find_model, str(part), None, tmp_path / "converted")
        assert not list((tmp_path / "converted").glob("*"))


def gguf(n_tensors=0, n_pairs=0, rest=b""):
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_pairs) + rest


KEY = struct.pack("<Q", 1) + b"k"
TENSOR = KEY + struct.pack("<IQIQ", 1, 1 << 40, 0, 0)
BOMBS = {
    "an array of 2^60 numbers": gguf(0, 1, KEY + struct.pack("<IIQ", 9, 0, 1 << 60)),
    "an array of 2^60 strings": gguf(0, 1, KEY + struct.pack("<IIQ", 9, 8, 1 << 60)),
    "2^60 pairs": gguf(0, 1 << 60),
    "2^60 tensors": gguf(1 << 60),
    "a string of 2^60 characters": gguf(0, 1, struct.pack("<Q", 1 << 60)),
    "a tensor of 2^40 numbers": gguf(1, 0, TENSOR),
    "a tensor of 2^31 dimensions": gguf(1, 0, KEY + struct.pack("<I", 1 << 31)),
    "arrays within arrays": gguf(0, 1, KEY + struct.pack("<IIQ", 9, 9, 3)),
    "an unknown type": gguf(0, 1, KEY + struct.pack("<I", 77)),
    "no alignment": gguf(
        1, 1, struct.pack("<Q", 17) + b"general.alignment" + struct.pack("<II", 4, 0) + TENSOR
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_gguf_file_that_claims_too_much_is_refused(tmp_path, what):
    """Numbers in a header that the file cannot keep are refused before anything counts to them."""
    file = tmp_path / "bomb.gguf"
    file.write_bytes(BOMBS[what])
    refuse(r"bomb\.gguf", resolve_model, str(file), tmp_path / "converted")
    refuse(r"bomb\.gguf", find_model, str(file), None, tmp_path / "converted")
    refuse(r"bomb\.gguf", stored_facts, file)


OTHERS = {
    "an empty one": b"",
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "a web page": b"<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>",
    "web page": b"  \n<html>",
    "pickled PyTorch file": b"PK\x03\x04" + bytes(100),
    "GGUF file": b"GGUF" + bytes(100),
    "cut off in its header, after 5 bytes": b"\x10\0\0\0\0",
    "cut off in its header, after 8 bytes": struct.pack("<Q", 100),
    "begins with something else": b"\xff" * 100,
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_by_that_name_are_named(models, what):
    """What was saved as model.safetensors but is something else is said to be that."""
    (models[0] / "model.safetensors").write_bytes(OTHERS[what])
    refuse(what, weights_digest, models[0])
    refuse(what, load_causal, models[0])


def with_header(header, body=b"", length=None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def entry(start, end, shape=None, dtype="U8"):
    return {
        "dtype": dtype,
        "shape": [end - start] if shape is None else shape,
        "data_offsets": [start, end],
    }


ONE = b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
HEADERS = {
    "not JSON": with_header(b"{" * 20),
    "nested without end": with_header(b"[" * 100_000),
    "not an object": with_header([]),
    "a name twice": with_header(b"{%s,%s}" % (ONE, ONE), b"1"),
    "longer than the file": with_header({}, length=1000),
    "beyond the format's limit": with_header({}, bytes(1), length=100_000_001),
    "an unknown type": with_header({"a": entry(0, 4, dtype="F99")}, bytes(4)),
    "a type that is a list": with_header({"a": entry(0, 4, dtype=[])}, bytes(4)),
    "a negative shape": with_header({"a": entry(0, 4, [-2, -2])}, bytes(4)),
    "a shape of truth values": with_header({"a": entry(0, 1, [True])}, bytes(1)),
    "a shape that is text": with_header({"a": entry(0, 1, "")}, bytes(1)),
    "an overflowing shape": with_header({"a": entry(0, 4, [1 << 62, 1 << 62, 4])}, bytes(4)),
    "a shape of many dimensions": with_header({"a": entry(0, 1, [1] * 1000)}, bytes(1)),
    "a negative offset": with_header({"a": entry(-4, 0)}, bytes(4)),
    "an end before the start": with_header({"a": entry(4, 0, [0])}, bytes(4)),
    "an end beyond the file": with_header({"a": entry(0, 400)}, bytes(4)),
    "three offsets": with_header({"a": entry(0, 4) | {"data_offsets": [0, 4, 4]}}, bytes(4)),
    "overlapping tensors": with_header({"a": entry(0, 3), "b": entry(2, 4)}, bytes(4)),
    "a gap": with_header({"a": entry(0, 1), "b": entry(2, 4)}, bytes(4)),
    "bytes after the last": with_header({"a": entry(0, 4)}, bytes(5)),
    "metadata of numbers": with_header({"__metadata__": {"a": 1}, "a": entry(0, 4)}, bytes(4)),
    "an entry that is a number": with_header({"a": 4}, bytes(4)),
}  # fmt: skip


@pytest.mark.parametrize("what", HEADERS)
def test_headers_that_do_not_fit_are_refused(tmp_path, what):
    """A header that lies about the file is refused; one that tells the truth is read."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(with_header({"a": entry(0, 4, [2, 2])}, bytes(4)))
    assert read_header(file)["a"].shape == (2, 2)
    file.write_bytes(HEADERS[what])
    refuse(r"model\.safetensors", read_header, file)


def test_every_type_of_safetensors_is_read(tmp_path):
    """Files that the library itself writes pass, whatever their types and shapes."""
    kinds = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
    kinds += ["complex64", "int8", "uint8", "int16", "int32", "int64", "bool"]
    tensors = {kind: torch.zeros(2, 3).to(getattr(torch, kind)) for kind in kinds}
    tensors |= {"scalar": torch.tensor(1.0), "empty": torch.zeros(0, 4)}
    save_file(tensors, tmp_path / "all.safetensors", metadata={"format": "pt"})
    header = read_header(tmp_path / "all.safetensors")
    assert {name: header[name].shape for name in tensors} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }


CONFIGS = {
    "but got a list": b"[]",
    "but got a str": b'"llama"',
    "a file that is not JSON": b"{",
    "an empty file": b"",
    "a file that is not JSON ": b"[" * 100_000,
    "one nested deeper than 50 levels": b'{"a":' * 300 + b"1" + b"}" * 300,
}


@pytest.mark.parametrize("what", CONFIGS)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_configurations_that_are_no_object_are_refused(models, tmp_path, what, name):
    """config.json and tokenizer_config.json must be JSON objects."""
    read = read_config if name == "config.json" else load_tokenizer
    read(models[0])
    (models[0] / name).write_bytes(CONFIGS[what])
    refuse(what.strip(), read, models[0])


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 1_000_000_000},
        {"vocab_size": 4_000_000_000, "hidden_size": 4096},
        {"hidden_size": "wide"},
        {"num_attention_heads": 0},
        {"hidden_size": -16},
        {"architectures": 7},
        {"model_type": ["llama"]},
        {"model_type": None},
        {"id2label": {str(n): "x" for n in range(3)}, "num_hidden_layers": 3},
    ],
)
def test_configurations_of_other_models_are_refused(models, values):
    """Sizes that the weights do not have are refused before anything of that size is built."""
    load_causal(models[0])
    config = json.loads((models[0] / "config.json").read_text())
    (models[0] / "config.json").write_text(json.dumps(config | values))
    refuse("model|weights|configuration", load_causal, models[0])


def rename(folder, change):
    file = folder / "model.safetensors"
    tensors = {change(name): tensor for name, tensor in load_file(file).items() if change(name)}
    save_file(tensors, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda name: f"_orig_mod.{name}", "a compiled model"),
        (lambda name: f"module.{name}", "wrapped for several GPUs"),
        (lambda name: name.replace("self_attn.", "self_attn._orig_mod."), "a compiled model"),
        (lambda name: name.replace("q_proj.", "q_proj.base_layer."), "merge it first"),
        (lambda name: "" if name == "lm_head.weight" else name, "without 'lm_head.weight'"),
        (lambda name: "" if ".layers.1." in name else name, "weights for every layer"),
        (lambda name: "" if name.startswith("model.") else name, "weights for every layer"),
        (lambda name: name.replace("layers.1.", "layers.7."), "weights for every layer"),
    ],
)
def test_missing_tensors_are_never_made_up(models, tmp_path, change, match):
    """A base or final model that lacks tensors, or has them by other names, is refused."""
    for which in (0, 1):
        folders = [Path(shutil.copytree(m, tmp_path / f"{which}-{m.name}")) for m in models]
        pair(*folders, tmp_path)
        rename(folders[which], change)
        refuse(match, pair, *folders, tmp_path)


def test_a_configuration_that_leaves_layers_out_is_refused(models):
    """Fewer layers in config.json than in the weights is another model."""
    config = json.loads((models[0] / "config.json").read_text())
    (models[0] / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    refuse("one without", load_causal, models[0])


def test_a_classifier_base_lacks_its_head_and_nothing_else(tmp_path):
    """Without head a base is one; without its body, or with weights of another, it is none."""
    converted = tmp_path / "models"
    base, final = save_bert(tmp_path / "base", with_head=False), save_bert(tmp_path / "final", 1)

    def classifiers():
        folders = resolve_model(str(base), converted), resolve_model(str(final), converted)
        return load_pair(*folders, Task.CLASSIFICATION, 24, EXACT)

    assert classifiers().caveats
    rename(base, lambda name: "" if "layer.1." in name else name)
    refuse("weights for every layer", classifiers)
    rename(base, lambda name: f"strange.{name}")
    refuse("weights for every layer", classifiers)
