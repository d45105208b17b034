"""A digest of everything that decides a model's answers besides its weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from assay.core.models.digests import file_digest
from assay.core.models.folder_files import has_file, inside, json_object
from assay.core.models.mean_pooled import pools_by_mean
from assay.core.models.model_config import GENERATION, clean_config, tokenizer_files
from assay.core.models.training_record import INITIAL_HEAD, RECORD_FILE

# Settings that describe how a configuration was made.
_SAYS_NOTHING = ("transformers_version", "dtype", "torch_dtype", "_commit_hash")
_RECORDED = ("label_names", "label_words", "base_weights_sha256")


def settings_digest(folder: Path) -> str:
    """SHA-256 (hex) over everything that decides a model's answers besides its weights.

    Its configuration (labels, activations …), its tokenizer with special tokens and chat templates,
    how a sentence encoder pools, which tokens end an answer, and what `assay finetune` recorded
    about labels and the initial head.
    """
    digest = hashlib.sha256()
    config = {k: v for k, v in clean_config(folder).items() if k not in _SAYS_NOTHING}
    digest.update(json.dumps(config, sort_keys=True).encode())
    for name, held in tokenizer_files(folder).items():
        digest.update(json.dumps([name, len(held)]).encode())
        digest.update(held)
    record = json_object(folder, RECORD_FILE) if has_file(folder, RECORD_FILE) else {}
    ends = json_object(folder, GENERATION) if has_file(folder, GENERATION) else {}
    others = [
        ends.get("eos_token_id"),
        pools_by_mean(folder),
        [record.get(name) for name in _RECORDED],
        file_digest(inside(folder, INITIAL_HEAD)) if has_file(folder, INITIAL_HEAD) else None,
    ]
    digest.update(json.dumps(others, sort_keys=True).encode())
    return digest.hexdigest()
