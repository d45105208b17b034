"""Model folders made to have other weights digested than those that are loaded."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_models import save_llama

from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.loading import load_language_model
from assay.core.models.pretrained import load_causal, load_tokenizer, read_config
from assay.core.models.resolve import resolve_model
from assay.core.runtime.device import Compute

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


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
