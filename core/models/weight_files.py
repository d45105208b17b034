"""Which files contain a model's weights, decided once: exactly these are hashed and loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from assay.core.errors import InputError
from assay.core.models.folder_files import called, has_file, inside, json_object
from assay.core.models.safetensors_header import StoredTensor, read_header

MODEL_WEIGHTS = "model.safetensors"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
INDEX = "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def model_files(folder: Path) -> tuple[Path, ...]:
    """The complete safetensors files of a model, by their real paths.

    ``model.safetensors``, otherwise the files that ``model.safetensors.index.json`` names, as in
    transformers; all other files are ignored. InputError if there is neither, if one lies outside
    the folder or is damaged, or if the index does not match the files.
    """
    if has_file(folder, MODEL_WEIGHTS):
        return (checked_file(folder, MODEL_WEIGHTS),)
    if has_file(folder, INDEX):
        return _indexed(folder)
    raise _nothing(folder, MODEL_WEIGHTS)


def has_model(folder: Path) -> bool:
    """Whether a folder seems to hold a whole model: a configuration and weights."""
    is_there = has_file(folder, MODEL_WEIGHTS) or has_file(folder, INDEX)
    return is_there and has_file(folder, "config.json")


def adapter_file(folder: Path) -> Path:
    """The complete safetensors file of an adapter, by its real path; InputError without one."""
    if not has_file(folder, ADAPTER_WEIGHTS):
        raise _nothing(folder, ADAPTER_WEIGHTS)
    return checked_file(folder, ADAPTER_WEIGHTS)


def checked_file(folder: Path, name: str) -> Path:
    """The real path of a complete safetensors file inside a folder; InputError if it is not one."""
    file = inside(folder, name)
    read_header(file, name)
    return file


def n_parameters(folder: Path) -> int:
    """The number of parameters in a model's files."""
    tensors = (tensor for file in model_files(folder) for tensor in read_header(file).values())
    return sum(prod(tensor.shape) for tensor in tensors)


@contextmanager
def opened(files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
    """Every tensor of safetensors files by name; each is read (as a slice) only when needed."""
    with ExitStack() as stack:
        readers = [stack.enter_context(safe_open(file, "pt")) for file in files]
        yield {name: reader.get_slice(name) for reader in readers for name in reader.keys()}  # noqa: SIM118


def _indexed(folder: Path) -> tuple[Path, ...]:
    weight_map = json_object(folder, INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise InputError(
            f"a weight_map in {INDEX} of {called(folder)!r}", "none", "download the model again"
        )
    files: dict[str, Path] = {}
    for name in weight_map.values():
        if not isinstance(name, str) or not name.endswith(".safetensors"):
            raise InputError(
                f"an index of safetensors files in {called(folder)!r}",
                f"one that lists {str(name)[:80]!r}",
                "save the model with save_pretrained; pickle can run code and is never loaded",
            )
        if name not in files:
            files[name] = inside(folder, name)
    held = {name: read_header(file, name) for name, file in files.items()}
    _check_places(folder, weight_map, held)
    return tuple(files[name] for name in sorted(files))


def _check_places(
    folder: Path, weight_map: Mapping[str, str], held: Mapping[str, Mapping[str, object]]
) -> None:
    """InputError unless every tensor is in the file that the index names, and in no other."""
    for tensor, name in weight_map.items():
        if tensor not in held[name]:
            raise InputError(
                f"the tensor {tensor[:80]!r} in {name!r} of {called(folder)!r}, as its index says",
                "a file without it",
                "download the model again",
            )
    for name, tensors in held.items():
        strays = [tensor for tensor in tensors if weight_map.get(tensor) != name]
        if strays:
            raise InputError(
                f"an index of {called(folder)!r} that lists all tensors of {name!r}",
                f"one without {strays[0][:80]!r}",
                "download the model again",
            )


def _nothing(folder: Path, wanted: str) -> InputError:
    return no_weights(called(folder), wanted, [file.name for file in folder.glob("*")])


def no_weights(model: str, wanted: str, names: Collection[str]) -> InputError:
    """What to say of a model whose folder holds files of these names, none of them ``wanted``."""
    pickles = [name for name in names if name.endswith(_PICKLES) and "/" not in name]
    others = sorted(name for name in names if name.endswith(".safetensors") and "/" not in name)
    do = "save the model with save_pretrained"
    if pickles:
        got = f"only pickled weights ({min(pickles)})"
        do += "; pickle can run code and is never loaded"
    elif others:
        got = f"only {others[0]}, which is in no index"
    else:
        got = "none"
    return InputError(f"the weights {wanted} in {model!r}", got, do)


def stored_tensors(folder: Path) -> dict[str, tuple[Path, StoredTensor]]:
    """Where each tensor of a model is stored: its file, and its location there."""
    return {
        name: (file, tensor)
        for file in model_files(folder)
        for name, tensor in read_header(file).items()
    }
