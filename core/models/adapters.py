"""Adapters (LoRA and similar): which of their files are read, and merging into a base."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.core.errors import InputError
from assay.core.models.digests import adapter_digest
from assay.core.models.folder_files import called, inside, json_object
from assay.core.models.pretrained import load_adapted, load_causal, load_with_new_head, read_config
from assay.core.models.safetensors_header import StoredTensor, read_header
from assay.core.models.vocabulary import resize, untie
from assay.core.models.weight_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapter_file
from assay.core.temporary import TemporaryFolder

# The kinds that change weights and can be merged into them.
_KINDS = ("LORA", "ADALORA", "LOHA", "LOKR", "IA3", "OFT", "BOFT", "VERA", "HRA", "FOURIERFT")
# Settings that would import modules, read other places or start from data.
_NOT_OURS = (
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "eva_config",
    "loftq_config",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "parent_library",
    "revision",
    "runtime_config",
)
_PREFIX = "base_model.model."
_LORA_PART = re.compile(r"\.lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)(?:\.|$)")
_EMBEDDING_PARTS = (".base_layer.", ".modules_to_save.", ".original_module.")
_MOST_PATTERN_CHARACTERS, _MOST_REPEATS = 200, 3


def adapter_key(adapter: Path) -> tuple[str, str]:
    """What the merged model depends on besides the base: adapter weights and configuration."""
    return adapter_digest(adapter), inside(adapter, ADAPTER_CONFIG).read_text()


def merged(adapter: Path, base: Path) -> Any:
    """The base model with an adapter's weights added, in float32 (PEFT ``merge_and_unload``)."""
    held = read_header(adapter_file(adapter))
    config = _clean(adapter, held)
    model, new = _model(config, base, held)
    _untie_if_adapted(model, config, held)
    _resize_if_adapted(model, held)
    with TemporaryFolder("adapter") as place:
        copy = Path(place)
        (copy / ADAPTER_CONFIG).write_text(json.dumps(config))
        (copy / ADAPTER_WEIGHTS).symlink_to(adapter_file(adapter))
        try:
            adapted = load_adapted(model, copy)
        except Exception as error:  # PEFT raises many kinds of errors for a base of another shape
            raise InputError(
                f"an adapter of {called(base)!r} in {called(adapter)!r}",
                "one that does not fit "
                f"({(str(error) or type(error).__name__).splitlines()[0][:300]})",
                "give the model that the adapter was trained on",
            ) from error
    _check_all_used(adapted, held, adapter, base)
    lacking = [name for name in new if not _brings(held, name)]
    if lacking:
        raise InputError(
            f"a classification head in the adapter {called(adapter)!r} or its base",
            f"{lacking[0]!r} in neither",
            "save the adapter with its head in modules_to_save",
        )
    return adapted.merge_and_unload()


def _clean(adapter: Path, held: dict[str, StoredTensor]) -> dict[str, Any]:
    """The part of ``adapter_config.json`` that PEFT is given."""
    config = json_object(adapter, ADAPTER_CONFIG)
    kind = config.get("peft_type")
    if kind not in _KINDS:
        raise InputError(
            f"an adapter of type {', '.join(_KINDS)} in {called(adapter)!r}",
            repr(kind)[:80],
            "merge it into its model with the tool that made it",
        )
    for patterns in ("rank_pattern", "alpha_pattern"):
        _check_patterns(adapter, config.get(patterns) or {})
    if kind == "LORA" and not config.get("target_parameters"):
        # The modules that have weights, by name: no untrusted pattern is searched.
        config |= {
            "target_modules": sorted(_modules(held)),
            "exclude_modules": None,
            "layers_to_transform": None,
            "layers_pattern": None,
        }
    elif isinstance(config.get("target_modules"), str):
        _check_patterns(adapter, [config["target_modules"]])
    return {key: value for key, value in config.items() if key not in _NOT_OURS}


def _modules(held: Iterable[str]) -> set[str]:
    """The modules that LoRA weights belong to."""
    parts = [(name, _LORA_PART.search(name)) for name in held]
    return {name[: part.start()].removeprefix(_PREFIX) for name, part in parts if part}


def _check_patterns(adapter: Path, patterns: Any) -> None:
    """InputError for a regular expression that could take forever."""
    for pattern in patterns:
        text = str(pattern)
        if len(text) > _MOST_PATTERN_CHARACTERS or len(re.findall(r"[*+{]", text)) > _MOST_REPEATS:
            raise InputError(
                f"patterns of at most {_MOST_REPEATS} repeats in {ADAPTER_CONFIG} of "
                f"{called(adapter)!r}",
                repr(text[:80]),
                "list the modules by name instead",
            )


def _model(
    config: dict[str, Any], base: Path, held: dict[str, StoredTensor]
) -> tuple[Any, tuple[str, ...]]:
    """The model that the adapter was trained on, and its tensors that the base lacks."""
    if config.get("task_type") != "SEQ_CLS":
        return load_causal(base), ()
    wanted = read_config(base)
    # The head that was saved with the adapter has one row per label.
    heads = [
        tensor.shape[0]
        for name, tensor in held.items()
        if "lora" not in name and name.endswith("weight") and len(tensor.shape) == 2
    ]
    if heads:
        wanted.num_labels = heads[-1]
    return load_with_new_head(base, wanted)


def _untie_if_adapted(model: Any, config: dict[str, Any], held: Iterable[str]) -> None:
    """Separate a matrix that input and output share, before one of them is changed.

    In training, the adapter belonged to one of the two; merged into the shared matrix, it would
    change the other too. PEFT with ``ensure_weight_tying`` trained both alike.
    """
    output, inputs = model.get_output_embeddings(), model.get_input_embeddings()
    if output is None or output.weight is not inputs.weight or config.get("ensure_weight_tying"):
        return
    modules = _modules(held) | {name.rpartition(".")[0].removeprefix(_PREFIX) for name in held}
    if any(model.get_submodule(name) in (output, inputs) for name in modules & _names(model)):
        untie(model)


def _resize_if_adapted(model: Any, held: dict[str, StoredTensor]) -> None:
    """Add the rows of a vocabulary that grew before the adapter was trained."""
    for name, tensor in held.items():
        module = name.removeprefix(_PREFIX).removesuffix(".weight").removesuffix(".base_layer")
        if not name.endswith(".weight") or module not in _names(model):
            continue
        inputs = model.get_input_embeddings()
        if model.get_submodule(module) is inputs and tensor.shape[0] != len(inputs.weight):
            resize(model, tensor.shape[0])


def _names(model: Any) -> set[str]:
    return {name for name, _ in model.named_modules()}


def _brings(held: Iterable[str], name: str) -> bool:
    """Whether an adapter contains a whole tensor of the model."""
    return any(own.removeprefix(_PREFIX) == name for own in held)


def _check_all_used(adapted: Any, held: dict[str, StoredTensor], adapter: Path, base: Path) -> None:
    """InputError unless PEFT used every tensor of the adapter."""
    from peft import get_peft_model_state_dict

    # PEFT saves all embeddings that have an adapter, or more rows.
    has_embeddings = any(part in name for name in held for part in _EMBEDDING_PARTS)
    placed = get_peft_model_state_dict(adapted, save_embedding_layers=has_embeddings)
    strangers = sorted(set(held) - set(placed))
    if strangers:
        raise InputError(
            f"an adapter of {called(base)!r} in {called(adapter)!r}",
            f"one with {strangers[0][:120]!r}, which that model does not have",
            "give the model that the adapter was trained on",
        )
