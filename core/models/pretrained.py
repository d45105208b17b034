"""Reading what a model folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer
from transformers.utils import logging as transformers_logging

from assay.core.errors import InputError

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


def read_config(folder: Path) -> Any:
    """A folder's configuration; InputError if transformers does not know its kind."""
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, OSError, json.JSONDecodeError) as error:
        raise InputError(
            f"a model configuration that transformers knows in {folder.name!r}",
            str(error).splitlines()[0],
            "check config.json",
        ) from error


def is_causal(config: Any) -> bool:
    """Whether a configuration is of a causal language model."""
    architectures = config.architectures or []
    return any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures)


def from_pretrained(kind: Any, folder: Path, **options: Any) -> Any:
    """A model in float32, whatever it was saved in; no pickle, no code of its own."""
    return kind.from_pretrained(
        folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, **options
    )


def load_tokenizer(folder: Path, model: Any) -> Any:
    """A folder's tokenizer, with something to pad with."""
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return tokenizer
