"""A base and a final model whose vocabularies differ: their rows are matched by token.

Usually fine-tuning added tokens. Every token of the base keeps its number; the final model has more
tokens, or its matrices are cut or padded to another number of rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from assay.core.errors import InputError
from assay.core.models.digests import has_tokenizer
from assay.core.models.pretrained import load_tokenizer

_N_NAMED = 3


def added_tokens(base_folder: Path, final_tokenizer: Any) -> tuple[str, ...] | None:
    """The final model's tokens that the base lacks, by number; None if the base has no tokenizer.

    InputError if a number means another token in the base model.
    """
    if not has_tokenizer(base_folder):
        return None
    base, final = load_tokenizer(base_folder).get_vocab(), final_tokenizer.get_vocab()
    moved = [token for token, number in base.items() if final.get(token) != number]
    if moved:
        raise InputError(
            "base and final models with the same vocabulary",
            f"{len(moved):,} tokens that differ, such as {moved[0]!r}",
            "give the model that the final one was fine-tuned from",
        )
    return tuple(sorted((token for token in final if token not in base), key=final.__getitem__))


def match_rows(base: Any, final: Any, added: tuple[str, ...] | None) -> tuple[str, ...]:
    """Give the base model the rows of the final model's vocabulary, and state what was assumed.

    New tokens start at the mean of the base's rows, as in transformers. If only one of the models
    shares a matrix between input and output, both get two matrices. InputError if the tensors still
    do not fit, or if it is unknown which token a row belongs to.
    """
    _untie_alike(base, final)
    n_base = len(base.get_input_embeddings().weight)
    n_final = len(final.get_input_embeddings().weight)
    if n_base != n_final:
        if added is None:
            raise InputError(
                "base and final models with the same vocab_size",
                f"{n_base} and {n_final}, and a base without a tokenizer to match tokens by",
                "put the base's own tokenizer into its folder",
            )
        resize(base, n_final)
    _check_same_tensors(base, final)
    if not added:
        return ()
    named = ", ".join(repr(token) for token in added[:_N_NAMED])
    more = f" and {len(added) - _N_NAMED:,} more" if len(added) > _N_NAMED else ""
    beginning = (
        "the mean of the base's rows is used"
        if n_final > n_base
        else "the base's spare rows with these numbers are used"
    )
    counted = f"{len(added):,} tokens of the final model are"
    if len(added) == 1:
        counted = "1 token of the final model is"
    return (
        f"{counted} not in the base's vocabulary ({named}{more}); "
        f"their initial rows are unknown, so {beginning}.",
    )


def resize(model: Any, n_rows: int) -> None:
    """Cut the vocabulary's matrices to ``n_rows``, or pad them with their mean."""
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    is_tied = outputs is not None and outputs.weight is inputs.weight
    inputs.weight = nn.Parameter(_fitted(inputs.weight, n_rows))
    inputs.num_embeddings = n_rows
    if outputs is not None:
        outputs.weight = inputs.weight if is_tied else nn.Parameter(_fitted(outputs.weight, n_rows))
        if getattr(outputs, "bias", None) is not None:
            outputs.bias = nn.Parameter(_fitted(outputs.bias, n_rows))
        outputs.out_features = n_rows
    model.config.get_text_config().vocab_size = n_rows


def _fitted(rows: Tensor, n_rows: int) -> Tensor:
    rows = rows.detach()
    new = rows.mean(dim=0, keepdim=True).expand(max(0, n_rows - len(rows)), *rows.shape[1:])
    return torch.cat([rows[:n_rows], new])


def _untie_alike(base: Any, final: Any) -> None:
    """If an adapter separated a shared matrix, separate the other model's matrix too."""
    if _is_tied(base) != _is_tied(final):
        untie(base if _is_tied(base) else final)


def untie(model: Any) -> None:
    """Give the output layer its own matrix, with the values of the input's."""
    output = model.get_output_embeddings()
    output.weight = nn.Parameter(output.weight.detach().clone())
    model.config.get_text_config().tie_word_embeddings = False
    model.config.tie_word_embeddings = False


def _is_tied(model: Any) -> bool:
    output = model.get_output_embeddings()
    return output is not None and output.weight is model.get_input_embeddings().weight


def _check_same_tensors(base: Any, final: Any) -> None:
    """InputError unless both models have the same parameters in the same shapes."""
    ours = {name: tuple(tensor.shape) for name, tensor in base.named_parameters()}
    theirs = {name: tuple(tensor.shape) for name, tensor in final.named_parameters()}
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            raise InputError(
                "base and final models with the same tensors",
                f"{name!r} of shape {ours.get(name)} and {theirs.get(name)}",
                "give the model that the final one was fine-tuned from",
            )
