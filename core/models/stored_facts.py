"""What a model's files say of it before anything is loaded: configuration and headers alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from assay.core.errors import InputError
from assay.core.models.digests import has_tokenizer
from assay.core.models.embedding_tables import table_layout
from assay.core.models.folder_files import called, has_file, inside, json_object
from assay.core.models.gguf_header import GgufTensor, read_gguf_header
from assay.core.models.model_config import CONFIG, clean_config, names_code
from assay.core.models.safetensors_header import StoredTensor, read_header
from assay.core.models.training_record import RECORD_FILE, TrainingRecord
from assay.core.models.weight_files import (
    ADAPTER_CONFIG,
    adapter_file,
    has_model,
    stored_tensors,
)
from assay.core.specs.training import TrainingSpec

_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len")
_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
_DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HEADS = ("score.weight", "classifier.weight", "classifier.out_proj.weight", "head.weight")


@dataclass(frozen=True)
class StoredFacts:
    """One model; None stands for what its files do not say."""

    kind: str
    n_bytes: int
    architecture: str = ""
    n_parameters: int | None = None
    number_format: str = ""
    width: int | None = None
    n_layers: int | None = None
    n_rows: int | None = None
    max_positions: int | None = None
    is_tied: bool | None = None
    n_labels: int | None = None
    has_tokenizer: bool = False
    gives_tokens: bool = False
    has_head: bool = False
    adapter_targets: tuple[str, ...] = ()
    training: TrainingSpec | None = None
    n_trained: int | None = None

    @property
    def is_adapter(self) -> bool:
        return self.kind.startswith("adapter")

    @property
    def is_gguf(self) -> bool:
        return self.kind == "GGUF file"


def stored_facts(path: Path) -> StoredFacts:
    """What the files at a path say; InputError, in one sentence, for a model that no job loads.

    Reads exactly the files that loading would, and of weights only their headers.
    """
    if path.is_file():
        return _of_gguf(path)
    if not path.is_dir():
        raise InputError("a model folder or a GGUF file", repr(path.name), "check the path")
    if has_file(path, ADAPTER_CONFIG) and not has_model(path):
        return _of_adapter(path)
    if not has_file(path, CONFIG):
        raise InputError(
            f"a model folder with {CONFIG}",
            f"{called(path)!r} without one",
            "give the folder that the model was saved to",
        )
    config, tensors = clean_config(path), stored_tensors(path)
    if names_code(path) and not config.get("model_type"):
        raise InputError(
            f"a model of transformers in {called(path)!r}",
            "one that comes with code of its own, which is never run",
            "use another model",
        )
    sizes = {name: prod(tensor.shape) for name, (_, tensor) in tensors.items()}
    layout = table_layout(tensors, config)
    rows = tensors[layout.tokens][1].shape if layout.tokens else ()
    labels = config.get("id2label")
    has_head = any(name.endswith(_HEADS) for name in sizes) and not layout.gives_tokens
    record = None
    if has_file(path, RECORD_FILE):
        inside(path, RECORD_FILE)
        record = TrainingRecord.read(path)
    inner = _inner(config)
    return StoredFacts(
        kind=_kind(path, layout.gives_tokens, has_head),
        n_bytes=sum(tensor.end - tensor.start for _, tensor in tensors.values()),
        architecture=", ".join(map(str, config.get("architectures") or ()))
        or str(config.get("model_type", "")),
        n_parameters=sum(sizes.values()),
        number_format=_formats(tensor for _, tensor in tensors.values()),
        width=_number(inner, _WIDTHS),
        n_layers=_number(inner, _DEPTHS),
        n_rows=rows[0] if rows else None,
        max_positions=_number(inner, _POSITIONS),
        is_tied=layout.is_tied,
        n_labels=len(labels) if has_head and isinstance(labels, dict) else None,
        has_tokenizer=has_tokenizer(path),
        gives_tokens=layout.gives_tokens,
        has_head=has_head,
        training=record.training if record else None,
        n_trained=record.n_documents if record else None,
    )


def _of_gguf(path: Path) -> StoredFacts:
    with path.open("rb") as file:
        beginning = file.read(4)
    if path.suffix != ".gguf" or beginning != b"GGUF":
        raise InputError(
            "a model folder or a GGUF file", repr(path.name), "give the folder that contains it"
        )
    header = read_gguf_header(path)
    architecture = str(header.facts.get("general.architecture", ""))[:60]

    def number(name: str) -> int | None:
        value = header.facts.get(f"{architecture}.{name}")
        return value if type(value) is int else None

    table = header.tensors.get("token_embd.weight")
    return StoredFacts(
        "GGUF file",
        os.path.getsize(path),
        architecture=architecture,
        n_parameters=header.n_parameters,
        number_format=_formats(header.tensors.values()),
        width=number("embedding_length"),
        n_layers=number("block_count"),
        n_rows=table.shape[-1] if table and table.shape else None,
        max_positions=number("context_length"),
        is_tied="output.weight" not in header.tensors if table else None,
        has_tokenizer="tokenizer.ggml.tokens" in header.lengths,
    )


def _of_adapter(path: Path) -> StoredFacts:
    config, file = json_object(path, ADAPTER_CONFIG), adapter_file(path)
    tensors = read_header(file)
    targets = config.get("target_modules") or ()
    kept = config.get("modules_to_save") or ()
    named = [targets] if isinstance(targets, str) else targets
    if not isinstance(named, list | tuple) or not isinstance(kept, list | tuple):
        raise InputError(
            f"a list of names under target_modules in {ADAPTER_CONFIG}",
            repr(targets)[:80],
            "download the adapter again",
        )
    rank = config.get("r")
    kind = str(config.get("peft_type", "LORA"))[:20]
    return StoredFacts(
        kind=f"adapter ({kind}{f', rank {rank}' if isinstance(rank, int) else ''})",
        n_bytes=file.stat().st_size,
        n_parameters=sum(prod(tensor.shape) for tensor in tensors.values()),
        number_format=_formats(tensors.values()),
        has_tokenizer=has_tokenizer(path),
        adapter_targets=tuple(str(name)[:60] for name in (*named, *kept))[:20],
    )


def _kind(path: Path, gives_tokens: bool, has_head: bool) -> str:
    if gives_tokens:
        return "language model"
    if has_head:
        return "sequence classifier"
    return "sentence encoder" if has_file(path, "modules.json") else "encoder without a head"


def _inner(config: dict[str, Any]) -> dict[str, Any]:
    part = config.get("text_config") or config.get("encoder")
    return part if isinstance(part, dict) else config


def _number(config: dict[str, Any], names: tuple[str, ...]) -> int | None:
    found = (config.get(name) for name in names)
    return next((value for value in found if type(value) is int and value > 0), None)


def _formats(tensors: Iterable[StoredTensor | GgufTensor]) -> str:
    """The formats that weights are stored in, the most frequent first."""
    counted: Counter[str] = Counter()
    for tensor in tensors:
        counted[tensor.dtype] += prod(tensor.shape)
    return ", ".join(name for name, _ in counted.most_common(3))
