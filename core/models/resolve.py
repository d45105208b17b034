"""From a model's name to a local folder that is safe to load."""

from __future__ import annotations

from pathlib import Path

from assay.core.errors import InputError
from assay.core.models.convert import from_gguf, is_adapter, is_gguf, merged_adapter
from assay.core.models.folder_files import called, has_file
from assay.core.models.locate import locate_model
from assay.core.models.model_config import CONFIG
from assay.core.models.pretrained import read_config
from assay.core.models.weight_files import model_files


def resolve_model(name: str, converted: Path, base: Path | None = None) -> Path:
    """The folder of a model given as a folder, a GGUF file, a ``builtin:`` or a hub name.

    GGUF files and LoRA adapters (merged into ``base``) are converted once, into a folder under
    ``converted``. InputError if there is no such model, if it holds only pickled weights, or if it
    needs its own code.
    """
    path = locate_model(name, read_config)
    if is_gguf(path):
        return from_gguf(path, converted)
    if not path.is_dir():
        raise InputError("a model folder", f"the file {name!r}", "give the folder that contains it")
    if is_adapter(path):
        return merged_adapter(path, base, converted)
    _check_can_be_loaded(path)
    return path


def _check_can_be_loaded(folder: Path) -> None:
    """InputError unless transformers knows the model and its weights are complete safetensors."""
    if not has_file(folder, CONFIG):
        raise InputError(
            f"a model folder with {CONFIG}",
            f"{called(folder)!r} without one",
            "give the folder that the model was saved to",
        )
    read_config(folder)
    model_files(folder)
