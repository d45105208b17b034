"""The embedding tables of a model folder, read from its files without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import InputError
from assay.core.gradients.number_formats import widened
from assay.core.models.folder_files import called
from assay.core.models.safetensors_header import StoredTensor
from assay.core.models.weight_files import stored_tensors

# Names that architectures give to the table of token embeddings, or of positions.
_TOKEN_TABLES = (
    "word_embeddings.weight",
    "embed_tokens.weight",
    "tok_embeddings.weight",
    "wte.weight",
    "embed_in.weight",
    "word_embedding.weight",
)
_POSITION_TABLES = (
    "position_embeddings.weight",
    "embed_positions.weight",
    "wpe.weight",
)
_OUTPUT_TABLES = ("lm_head.weight", "embed_out.weight", "output.weight")
_STORED: dict[str, np.dtype] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}


@dataclass(frozen=True)
class EmbeddingTables:
    """A model's tables: ``tokens`` (V × d, float32); ``positions`` (P × d) if learned.

    gives_tokens: whether the model predicts tokens; is_tied: whether the output layer uses the same
    table, so that every row has a gradient from the softmax.
    """

    tokens: NDArray[np.float32]
    positions: NDArray[np.float32] | None
    gives_tokens: bool
    is_tied: bool


@dataclass(frozen=True)
class TableLayout:
    """The names of a model's tables among its tensors, and what they serve."""

    tokens: str | None
    positions: str | None
    gives_tokens: bool
    is_tied: bool


def table_layout(names: Iterable[str], config: dict) -> TableLayout:
    """Which of a model's tensors are its tables, by the names that architectures give them."""
    known = list(names)
    gives_tokens = _gives_tokens(config)
    return TableLayout(
        _named(known, _TOKEN_TABLES),
        _named(known, _POSITION_TABLES),
        gives_tokens,
        # One table in the file is used for both input and output.
        gives_tokens and not _named(known, _OUTPUT_TABLES),
    )


def read_embedding_tables(folder: Path) -> EmbeddingTables:
    """The tables of a folder with safetensors; InputError without a known token table."""
    headers = stored_tensors(folder)
    layout = table_layout(headers, _config(folder))
    if not layout.tokens:
        raise InputError(
            f"a table of input embeddings in {called(folder)!r}",
            "none under a known name",
            "give a transformer saved with save_pretrained",
        )
    return EmbeddingTables(
        _read(folder, *headers[layout.tokens]),
        _read(folder, *headers[layout.positions]) if layout.positions else None,
        layout.gives_tokens,
        layout.is_tied,
    )


def _config(folder: Path) -> dict:
    try:
        config: dict = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            f"a readable config.json in {called(folder)!r}",
            str(error).splitlines()[0],
            "download the model again",
        ) from error
    return config


def _named(names: Iterable[str], endings: tuple[str, ...]) -> str | None:
    """The tensor whose name ends with one of these; the shortest name if several do."""
    found = [
        name
        for name in names
        if any(name == ending or name.endswith("." + ending) for ending in endings)
    ]
    return min(found, key=len) if found else None


def _gives_tokens(config: dict) -> bool:
    names = config.get("architectures") or []
    return any(name.endswith(("ForCausalLM", "LMHeadModel", "ForMaskedLM")) for name in names)


def _read(folder: Path, file: Path, tensor: StoredTensor) -> NDArray[np.float32]:
    """One matrix of a safetensors file, converted to float32."""
    if tensor.dtype not in _STORED or len(tensor.shape) != 2:
        raise InputError(
            "embeddings stored as a matrix in float32, float16 or bfloat16",
            f"{tensor.dtype} of shape {list(tensor.shape)} in {called(folder)!r}",
            "give a model that is not quantized",
        )
    stored = np.memmap(
        file,
        dtype=_STORED[tensor.dtype],
        mode="r",
        offset=tensor.start,
        shape=tensor.shape,
    )
    values = widened(np.asarray(stored), tensor.dtype)
    if not np.isfinite(values).all():
        raise InputError(
            f"finite embeddings in {called(folder)!r}",
            "NaN or infinity",
            "use an undamaged copy of the model",
        )
    return values
