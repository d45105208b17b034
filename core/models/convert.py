"""Models in other formats, converted once to a plain folder of safetensors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from assay.core.errors import InputError
from assay.core.models.adapters import adapter_key, merged
from assay.core.models.digests import file_digest, has_tokenizer, weights_digest
from assay.core.models.folder_files import called, has_file
from assay.core.models.pretrained import load_gguf, load_tokenizer
from assay.core.models.weight_files import ADAPTER_CONFIG, has_model
from assay.core.specs.hashing import content_key

# Raise it when the same file would be converted to other weights.
_VERSION = 1


def is_gguf(path: Path) -> bool:
    """Whether a path is a GGUF file, as llama.cpp writes them."""
    return path.is_file() and path.suffix == ".gguf"


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter (LoRA and similar) instead of a whole model."""
    return has_file(folder, ADAPTER_CONFIG) and not has_model(folder)


def what_was_not_read(folder: Path) -> tuple[str, ...]:
    """A caveat for a folder with a full model and an adapter: only the model is read."""
    if not (has_file(folder, ADAPTER_CONFIG) and has_model(folder)):
        return ()
    return (
        f"{called(folder)!r} contains a full model and an adapter; the model was read, the adapter "
        "was ignored.",
    )


def from_gguf(file: Path, converted: Path) -> Path:
    """The weights of a GGUF file, dequantised to float32 by transformers."""

    def write(folder: Path) -> None:
        model, tokenizer = load_gguf(file)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return _once(converted / f"gguf-{content_key(_VERSION, file_digest(file))[:16]}", write)


def merged_adapter(adapter: Path, base: Path | None, converted: Path) -> Path:
    """An adapter's weights added to its base model's, in float32 (PEFT ``merge_and_unload``)."""
    if base is None:
        raise InputError(
            "a full model",
            f"the adapter {called(adapter)!r}",
            "give the model that it was trained on",
        )
    key = content_key(_VERSION, weights_digest(base), *adapter_key(adapter))

    def write(folder: Path) -> None:
        merged(adapter, base).save_pretrained(folder)
        own = adapter if has_tokenizer(adapter) else base
        load_tokenizer(own).save_pretrained(folder)

    return _once(converted / f"merged-{key[:16]}", write)


def _once(folder: Path, write: Callable[[Path], None]) -> Path:
    """``folder``, which ``write`` creates as a whole if it does not exist yet."""
    if folder.exists():
        return folder
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        write(partial)
        os.replace(partial, folder)
    except OSError:
        if not folder.exists():  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
