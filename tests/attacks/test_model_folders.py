"""Model folders made to run code, to read other files or to have other weights digested."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from support.tiny_models import documents, save_bert, save_gpt2, save_llama
from transformers import AutoModelForCausalLM

from assay.core.decompress.backends.base import ModelIdentity
from assay.core.decompress.backends.hf_transformers import LocalBackend
from assay.core.errors import InputError
from assay.core.models.digests import tokenizer_digest, weights_digest
from assay.core.models.loading import load_language_model, load_pair
from assay.core.models.pretrained import load_causal, load_tokenizer, read_config
from assay.core.models.resolve import resolve_model
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task
from assay.core.specs.decompression import Engine
from assay.core.specs.model_calls import Call, Sampling

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
ROOT = Path(__file__).parents[2]


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


def shard(folder, names=("model-1.safetensors", "model-2.safetensors")):
    """Split a folder's weights into two files named by an index; the map from tensor to file."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    keys = sorted(tensors)
    weight_map = {}
    for name, part in zip(names, (keys[::2], keys[1::2]), strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        save_file({key: tensors[key] for key in part}, folder / name, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, name)
    write_index(folder, weight_map)
    return weight_map


def write_index(folder, weight_map):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def refuse_weights(folder, match):
    """Digest and load alike say one sentence."""
    for read in (weights_digest, load_causal, lambda f: resolve_model(str(f), f / "none")):
        with pytest.raises(InputError, match=match) as error:
            read(folder)
        assert "\n" not in str(error.value)


def test_digests_cover_what_is_loaded(tmp_path):
    """Decoys change neither digest nor model; shards in a folder inside count as themselves."""
    folder = save_llama(tmp_path / "model")
    digest, model = weights_digest(folder), load_causal(folder)
    save_file({"x": torch.ones(3)}, folder / "unused.safetensors")
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(1))
    shard(folder, ("sub/model-1.safetensors", "model-2.safetensors"))
    assert weights_digest(folder) == digest
    for ours, theirs in zip(load_causal(folder).parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    file = folder / "sub" / "model-1.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(file).items()}, file)
    assert weights_digest(folder) != digest


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("../other/model.safetensors", "points outside it"),
        ("sub/../../other/model.safetensors", "points outside it"),
        ("{other}/model.safetensors", "points outside it"),
        ("..\\other\\model.safetensors", "points outside it"),
        ("shard.bin", "index of safetensors files"),
        ("nowhere.safetensors", "a folder without it"),
        ("sub", "index of safetensors files"),
        (".safetensors\0", "index of safetensors files"),
        (None, "index of safetensors files"),
        (["model-1.safetensors"], "index of safetensors files"),
    ],
)
def test_an_index_stays_inside_its_folder(tmp_path, name, match):
    """An index that names anything but safetensors inside the folder is refused."""
    folder, other = save_llama(tmp_path / "model"), save_llama(tmp_path / "other", seed=1)
    weight_map = shard(folder)
    weights_digest(folder)
    pickle_file = folder / "shard.bin"
    pickle_file.write_bytes(pickle.dumps({}))
    name = name.format(other=other) if isinstance(name, str) else name
    first = min(weight_map)
    write_index(folder, weight_map | {first: name})
    refuse_weights(folder, match)


def test_an_index_says_where_tensors_are(tmp_path):
    """A tensor in another file, in two files, in none or in no index is refused."""
    folder = save_llama(tmp_path / "model")
    weight_map = shard(folder)
    one, two = sorted(weight_map)[:2]
    write_index(folder, weight_map | {one: weight_map[two], two: weight_map[one]})
    refuse_weights(folder, "a file without it")
    write_index(folder, weight_map | {"model.more.weight": weight_map[one]})
    refuse_weights(folder, "a file without it")
    write_index(folder, {name: file for name, file in weight_map.items() if name != one})
    refuse_weights(folder, "lists all tensors")
    write_index(folder, weight_map)
    file = folder / weight_map[two]
    save_file(load_file(file) | {one: torch.zeros(1)}, file)
    refuse_weights(folder, "lists all tensors")


def test_links_that_leave_the_folder_are_refused(tmp_path):
    """A link is followed inside the folder and in the cache of huggingface_hub, nowhere else."""
    other, folder = save_llama(tmp_path / "other"), save_llama(tmp_path / "model", seed=1)
    digest = weights_digest(folder)
    file = folder / "model.safetensors"
    file.rename(folder / "real.safetensors")
    file.symlink_to("real.safetensors")
    assert weights_digest(folder) == digest
    file.unlink()
    file.symlink_to(other / "model.safetensors")
    refuse_weights(folder, "link to a file outside")
    file.unlink()
    file.symlink_to("model.safetensors")
    refuse_weights(folder, "a link to itself")
    file.unlink()
    os.mkfifo(file)
    refuse_weights(folder, "something else with that name")


def test_the_cache_of_the_hub_is_read(tmp_path):
    """Snapshots link to blobs; a link from there to anywhere else is refused."""
    plain = save_llama(tmp_path / "plain")
    repository = tmp_path / "models--some--model"
    folder = repository / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, file in enumerate(sorted(plain.iterdir())):
        shutil.copy(file, repository / "blobs" / str(number))
        (folder / file.name).symlink_to(f"../../blobs/{number}")
    assert resolve_model(str(folder), tmp_path / "models") == folder
    assert weights_digest(folder) == weights_digest(plain)
    load_language_model(folder, 24, EXACT)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(plain / "model.safetensors")
    refuse_weights(folder, "link to a file outside")


def test_configurations_outside_the_folder_are_refused(tmp_path):
    """A linked config.json or tokenizer.json of elsewhere is not read."""
    other, folder = save_llama(tmp_path / "other"), save_llama(tmp_path / "model", seed=1)
    read_config(folder)
    load_tokenizer(folder)
    for name, read in (("tokenizer.json", load_tokenizer), ("config.json", read_config)):
        (folder / name).unlink()
        (folder / name).symlink_to(other / name)
        with pytest.raises(InputError, match="link to a file outside"):
            read(folder)


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


def loads_outside_the_one_place(source: str) -> list[str]:
    """Calls in a module's source that load weights, tokenizers or configurations by themselves."""
    loading = {"from_pretrained", "load_adapter", "load_dataset_builder", "from_gguf_file"}
    classes = {"SentenceTransformer", "CrossEncoder", "pipeline", "AutoPeftModel"}
    pickled = {("torch", "load"), ("pickle", "load"), ("pickle", "loads"), ("joblib", "load")}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
            is_off = isinstance(node.value, ast.Constant) and node.value.value is False
            found += [] if is_off else ["trust_remote_code that is not False"]
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = function.value.id if isinstance(function.value, ast.Name) else ""
            if function.attr in loading or (owner, function.attr) in pickled:
                found.append(f"{owner}.{function.attr}")
            is_built = function.attr == "from_config" and owner.startswith("Auto")
            if is_built and not any(k.arg == "trust_remote_code" for k in node.keywords):
                found.append(f"{owner}.from_config with remote code left open")
            if function.attr in classes:
                found.append(function.attr)
        elif isinstance(function, ast.Name) and function.id in classes | loading:
            found.append(function.id)
    return found


def test_one_module_loads_everything():
    """No other file of the product calls a library's own loader; the check finds one that does."""
    assert loads_outside_the_one_place("AutoTokenizer.from_pretrained(folder)")
    assert loads_outside_the_one_place("import torch\ntorch.load(file)")
    assert loads_outside_the_one_place("st.SentenceTransformer('x')")
    assert loads_outside_the_one_place("AutoModel.from_config(config)")
    assert loads_outside_the_one_place("f(trust_remote_code=flag)")
    sources = [
        ROOT / "app.py",
        *(f for room in ("core", "cache", "pages") for f in (ROOT / room).rglob("*.py")),
    ]
    assert len(sources) > 50
    found = {
        str(file.relative_to(ROOT)): calls
        for file in sources
        if (calls := loads_outside_the_one_place(file.read_text())) and file.name != "pretrained.py"
    }
    assert found == {}
    ours = ast.parse((ROOT / "core" / "models" / "pretrained.py").read_text())
    loads = [
        node
        for node in ast.walk(ours)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "from_pretrained"
    ]
    assert len(loads) > 4


def test_documents_still_run(tmp_path):
    """A pair of plain folders, the control of all above, predicts."""
    base, final = save_llama(tmp_path / "base"), save_llama(tmp_path / "final", seed=1)
    loaded = pair(base, final, tmp_path / "models")
    from assay.core.models.examples import TextDocument

    texts = [TextDocument(text) for text in documents(3)[0]]
    assert loaded.final.predict(loaded.final.examples(texts)).losses.shape == (3,)
