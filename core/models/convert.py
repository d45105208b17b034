"""Models kept in other forms, converted once to a plain folder of safetensors."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from assay.core.errors import InputError
from assay.core.models.digests import file_digest, weights_digest
from assay.core.models.pretrained import from_pretrained
from assay.core.specs.hashing import content_key

_ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
# Raise it when the same file would be converted to other weights.
_VERSION = 1


def is_gguf(path: Path) -> bool:
    """Whether a path is a GGUF file, as llama.cpp writes them."""
    return path.is_file() and path.suffix == ".gguf"


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter (LoRA and kin) instead of a whole model."""
    return (folder / _ADAPTER_CONFIG).exists()


def from_gguf(file: Path, converted: Path) -> Path:
    """The weights of a GGUF file, dequantised to float32 by transformers."""

    def write(folder: Path) -> None:
        try:
            # Its progress bars cannot be turned off.
            with redirect_stderr(io.StringIO()):
                model: Any = AutoModelForCausalLM.from_pretrained(
                    file.parent, gguf_file=file.name, dtype=torch.float32
                )
                tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        except (ValueError, KeyError, OSError, NotImplementedError) as error:
            raise InputError(
                f"a GGUF file that transformers can read at {file.name!r}",
                str(error).splitlines()[0],
                "convert it to safetensors with the tool it came from",
            ) from error
        # What was read is float32 now; saying otherwise would have it quantised again.
        model.hf_quantizer = None
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return _once(converted / f"gguf-{content_key(_VERSION, file_digest(file))[:16]}", write)


def merged_adapter(adapter: Path, base: Path | None, converted: Path) -> Path:
    """An adapter's weights added to its base model's, in float32 (PEFT ``merge_and_unload``)."""
    if base is None:
        raise InputError(
            "a whole model", f"the adapter {adapter.name!r}", "give the model it was trained on"
        )
    key = content_key(
        _VERSION,
        weights_digest(base),
        weights_digest(adapter),
        (adapter / _ADAPTER_CONFIG).read_text(),
    )

    def write(folder: Path) -> None:
        from peft import PeftModel

        model = from_pretrained(_adapted_kind(adapter), base, **_head_options(adapter))
        try:
            merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        except (ValueError, RuntimeError, KeyError) as error:
            raise InputError(
                f"an adapter of {base.name!r} in {adapter.name!r}",
                str(error).splitlines()[0],
                "give the model that the adapter was trained on",
            ) from error
        merged.save_pretrained(folder)
        has_tokenizer = (adapter / "tokenizer_config.json").exists()
        AutoTokenizer.from_pretrained(
            adapter if has_tokenizer else base, trust_remote_code=False
        ).save_pretrained(folder)

    return _once(converted / f"merged-{key[:16]}", write)


def _adapted_kind(adapter: Path) -> Any:
    task = json.loads((adapter / _ADAPTER_CONFIG).read_text()).get("task_type")
    return AutoModelForSequenceClassification if task == "SEQ_CLS" else AutoModelForCausalLM


def _head_options(adapter: Path) -> dict[str, int]:
    """How many labels a classification adapter has: the rows of the head saved with it."""
    if _adapted_kind(adapter) is AutoModelForCausalLM:
        return {}
    with safe_open(adapter / _ADAPTER_WEIGHTS, "pt") as tensors:
        heads = [n for n in tensors.keys() if "lora" not in n and n.endswith("weight")]  # noqa: SIM118
        shapes = [tensors.get_slice(name).get_shape() for name in heads]
    rows = [shape[0] for shape in shapes if len(shape) == 2]
    return {"num_labels": rows[-1]} if rows else {}


def _once(folder: Path, write: Callable[[Path], None]) -> Path:
    """``folder``, written whole by ``write`` if it is not there yet."""
    if folder.exists():
        return folder
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        write(partial)
        os.replace(partial, folder)
    except OSError:
        if not folder.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
