"""A model folder's configuration without anything that makes transformers load or run other files.

transformers never sees the folder itself. It reads a copy with a cleaned ``config.json`` and, for
tokenizers, the tokenizer files. So it cannot find code, adapters, pickles or links next to these,
and a native architecture that names its own code is loaded with transformers' class.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assay.core.errors import InputError
from assay.core.models.folder_files import called, inside, json_object

CONFIG, GENERATION = "config.json", "generation_config.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_CODE = "auto_map"
# Settings of config.json that say where code, weights, kernels and other configurations come from,
# or that make a model return its answers in another form.
_NOT_OURS = frozenset(
    {
        _CODE,
        "transformers_weights",
        "configuration_files",
        "custom_pipelines",
        "custom_generate",
        "fusion_config",
        "distributed_config",
        "attn_implementation",
        "experts_implementation",
        "name_or_path",
        "_name_or_path",
        "return_dict",
        "use_return_dict",
        "output_attentions",
        "output_hidden_states",
        "torchscript",
    }
)
_PRIVATE = ("_attn_implementation", "_experts_implementation")
# Files that tokenizers read; none of them is executed.
TOKENIZER_SUFFIXES = (".model", ".spm", ".tiktoken", ".codes")
_TOKENIZER_NAMES = (
    "tokenizer.json",
    _TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "dict.txt",
    "normalizer.json",
    "emoji.json",
    "tekken.json",
    "chat_template.json",
    "chat_template.jinja",
)
_TEMPLATES = "additional_chat_templates"


def clean_config(folder: Path) -> dict[str, Any]:
    """``config.json`` without anything that transformers must not follow.

    InputError if it is not valid, or if the weights are quantised: their gradients are not the
    model's.
    """
    held = json_object(folder, CONFIG)
    if held.get("quantization_config"):
        raise InputError(
            f"unquantized weights in {called(folder)!r}",
            "quantized ones",
            "give the model before quantization, or convert it to bfloat16",
        )
    names = held.get("architectures") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"a list of names under architectures in {CONFIG} of {called(folder)!r}",
            repr(names)[:80],
            "download the model again",
        )
    cleaned: dict[str, Any] = _cleaned(held)
    return cleaned


def names_code(folder: Path) -> bool:
    """Whether a folder's configuration names its own code."""
    return _CODE in json_object(folder, CONFIG)


def write_clean_config(folder: Path, into: Path) -> None:
    """The copy of ``config.json`` that transformers reads."""
    (into / CONFIG).write_text(json.dumps(clean_config(folder)))


def tokenizer_files(folder: Path) -> dict[str, bytes]:
    """The files that a folder's tokenizer is made of, by name; InputError if one is damaged."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name in _TOKENIZER_NAMES or path.suffix in TOKENIZER_SUFFIXES:
            files[path.name] = _tokenizer_file(folder, path.name)
    for path in sorted((folder / _TEMPLATES).glob("*.jinja")):
        name = f"{_TEMPLATES}/{path.name}"
        files[name] = inside(folder, name).read_bytes()
    return files


def _tokenizer_file(folder: Path, name: str) -> bytes:
    if name == _TOKENIZER_CONFIG:
        return json.dumps(_clean_tokenizer_config(json_object(folder, name))).encode()
    return inside(folder, name).read_bytes()


def copy_tokenizer(folder: Path, into: Path) -> None:
    """The copy of a tokenizer's files that transformers reads."""
    for name, held in tokenizer_files(folder).items():
        (into / name).parent.mkdir(exist_ok=True)
        (into / name).write_bytes(held)


def _cleaned(held: Any) -> Any:
    if isinstance(held, dict):
        return {
            key: _cleaned(value)
            for key, value in held.items()
            if key not in _NOT_OURS and not key.startswith(_PRIVATE)
        }
    return [_cleaned(value) for value in held] if isinstance(held, list) else held


def _clean_tokenizer_config(held: dict[str, Any]) -> dict[str, Any]:
    """Without code and without paths: the file must not decide which other files are read."""
    return {
        key: value
        for key, value in held.items()
        if key not in (_CODE, "fast_tokenizer_files", "name_or_path", "init_inputs")
        and not key.endswith("_file")
    }
