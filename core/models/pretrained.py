"""The one place where transformers, PEFT and sentence-transformers load anything.

Every load gets files that were checked and named beforehand, with remote code off. transformers is
never given an untrusted folder to search.
"""

from __future__ import annotations

import io
from atexit import register
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GenerationConfig,
    dynamic_module_utils,
)
from transformers.models.auto.auto_factory import _get_model_class
from transformers.utils import logging as transformers_logging

import assay.core.models.mean_pooled  # noqa: F401  (makes its kind known to transformers)
from assay.core.errors import InputError
from assay.core.models.folder_files import called, has_file, json_object
from assay.core.models.gguf_header import read_gguf_header
from assay.core.models.loading_report import check_complete, is_of_head, missing_head
from assay.core.models.model_config import (
    CONFIG,
    GENERATION,
    copy_tokenizer,
    names_code,
    write_clean_config,
)
from assay.core.models.safetensors_header import read_header
from assay.core.models.weight_files import model_files, n_parameters, opened
from assay.core.temporary import TemporaryFolder

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
# If a load ever asks on the terminal whether to run code, it fails instead.
dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0

_NO_CODE = {"trust_remote_code": False, "local_files_only": True}
# A model may have this many more parameters than its files, for a new head or position tables.
_MOST_NEW_NUMBERS = 1 << 26


def read_config(folder: Path) -> Any:
    """A folder's configuration; InputError if transformers does not know its kind."""
    with _read_by("the configuration", folder), TemporaryFolder("config") as copy:
        write_clean_config(folder, Path(copy))
        try:
            config = AutoConfig.from_pretrained(copy, **_NO_CODE)
        except Exception as error:
            if not names_code(folder):
                raise
            raise InputError(
                "a model that transformers can run without extra code",
                f"{called(folder)!r}, which needs its own code",
                "use a model with an architecture that transformers knows; remote code is never "
                "run",
            ) from error
    config.name_or_path = ""  # otherwise a saved model reveals its path on this machine
    return config


def is_causal(config: Any) -> bool:
    """Whether a configuration is of a causal language model."""
    architectures = config.architectures or []
    return any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures)


def load_causal(folder: Path) -> Any:
    """A folder's causal language model in float32, whatever its stored type.

    InputError unless the folder has all of its weights.
    """
    model, report = _load(AutoModelForCausalLM, folder, read_config(folder))
    check_complete(report, model, called(folder), "give a causal language model with its lm_head")
    return model


def load_classifier_model(folder: Path) -> Any:
    """A folder's classifier in float32; InputError unless the folder has all of its weights."""
    model, report = _load(AutoModelForSequenceClassification, folder, read_config(folder))
    check_complete(
        report,
        model,
        called(folder),
        "give the fine-tuned model, or a causal one with --label-words",
    )
    return model


def load_with_new_head(folder: Path, config: Any) -> tuple[Any, tuple[str, ...]]:
    """A folder's model as a classifier in float32, and the names of the new tensors.

    ``config`` defines the head's labels; the tensors of a head that the folder has no weights for
    are drawn at random, from torch's seed. InputError if anything but a head is missing.
    """
    model, report = _load(AutoModelForSequenceClassification, folder, config)
    if any(is_of_head(name, model) for name, *_ in report["mismatched_keys"]):
        raise InputError(
            f"a base model with {config.num_labels} labels or without a head",
            f"{called(folder)!r}, whose head has a different size",
            "give the model that the final one was fine-tuned from",
        )
    return model, missing_head(report, model, called(folder))


def load_tokenizer(folder: Path) -> Any:
    """A folder's tokenizer, with a padding token."""
    with _read_by("the tokenizer", folder):
        place = Path(mkdtemp(dir=_place_for_tokenizers()))
        if has_file(folder, CONFIG):
            write_clean_config(folder, place)
        copy_tokenizer(folder, place)
        tokenizer = AutoTokenizer.from_pretrained(place, **_NO_CODE)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def load_gguf(file: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a GGUF file, dequantised to float32; no other file is read."""
    read_gguf_header(file)  # what loads it believes every number in it
    with _read_by("the GGUF file", file), TemporaryFolder("gguf") as alone:
        (Path(alone) / "model.gguf").symlink_to(file.resolve())
        options = {"gguf_file": "model.gguf", **_NO_CODE}
        with redirect_stderr(io.StringIO()):  # its progress bars cannot be turned off
            model: Any = AutoModelForCausalLM.from_pretrained(alone, dtype=torch.float32, **options)
            tokenizer = AutoTokenizer.from_pretrained(alone, **options)
    # The weights are float32 now; otherwise they would be quantised again.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.name_or_path = ""
    return model, tokenizer


def load_adapted(model: Any, adapter: Path) -> Any:
    """``model`` with the adapter of a folder that holds only checked files."""
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(adapter), local_files_only=True)


def load_sentence_encoder(folder: Path, device: str) -> Any:
    """The sentence encoder of a folder that is installed with Assay."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(folder), device=device, trust_remote_code=False, local_files_only=True
    )


def _load(kind: Any, folder: Path, config: Any) -> tuple[Any, dict[str, Any]]:
    """A model from exactly the files that were hashed, and transformers' report of the load."""
    if type(config) not in kind._model_mapping:
        raise InputError(
            f"a model that can be loaded as {kind.__name__.removeprefix('AutoModelFor')}",
            f"{config.model_type} in {called(folder)!r}",
            "use another kind of model, or another --task",
        )
    model_class = _get_model_class(config, kind._model_mapping)
    part = config.sub_configs.get("text_config")
    if part is not None and getattr(model_class, "config_class", None) == part:
        config = config.get_text_config()
    files = model_files(folder)
    with _read_by("a model", folder):
        _check_size(model_class, config, folder, files)
        with opened(files) as tensors:
            model, report = model_class.from_pretrained(
                None,
                config=config,
                state_dict=tensors,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **_NO_CODE,
            )
    if model.can_generate():
        model.generation_config = _only_ends(folder, model)
    return model, report


def _check_size(model_class: Any, config: Any, folder: Path, files: tuple[Path, ...]) -> None:
    """InputError for a configuration of a far larger model than its weights.

    transformers would build that model and fill the missing weights with random numbers.
    """
    n_tensors = sum(len(read_header(file)) for file in files)
    for name, value in config.to_dict().items():
        if "layer" in name and isinstance(value, int) and value > max(64, n_tensors):
            got = f"one with {name} {value:,} for {n_tensors:,} tensors"
            break
    else:
        with torch.device("meta"):
            empty = model_class(config)
        n_numbers = sum(part.numel() for part in (*empty.parameters(), *empty.buffers()))
        n_held = n_parameters(folder)
        if n_numbers <= 2 * n_held + _MOST_NEW_NUMBERS:
            return
        got = f"one with {n_numbers:,} parameters for {n_held:,} stored ones"
    raise InputError(
        f"a {CONFIG} that fits the weights of {called(folder)!r}", got, "download the model again"
    )


def _only_ends(folder: Path, model: Any) -> GenerationConfig:
    """Which tokens end an answer; other generation settings of a folder are ignored."""
    known = model.generation_config
    ends = known.eos_token_id
    if has_file(folder, GENERATION):
        ends = json_object(folder, GENERATION).get("eos_token_id", ends)
    numbers = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(number) is int for number in numbers):
        raise InputError(
            f"token ids under eos_token_id in {GENERATION} of {called(folder)!r}",
            repr(ends)[:80],
            "download the model again",
        )
    return GenerationConfig(
        bos_token_id=known.bos_token_id, eos_token_id=ends, pad_token_id=known.pad_token_id
    )


@contextmanager
def _read_by(what: str, path: Path) -> Iterator[None]:
    """One sentence for any error that a library raises about files it cannot read."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # untrusted files make libraries raise all kinds of errors
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise InputError(
            f"{what} of {called(path)!r} that transformers can read",
            f"an error ({said})",
            "check the files, or download the model again",
        ) from error


@cache
def _place_for_tokenizers() -> Path:
    """Kept until the process ends: some tokenizers read their files again when they are copied."""
    place = TemporaryFolder("tokenizers")
    register(place.cleanup)
    return Path(place.name)
