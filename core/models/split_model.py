"""A model that one device cannot hold: its transformer blocks are on several devices.

Embeddings, norms and the output layer stay on the device that models run on, the first card, so
code that reads them needs to know nothing of this. Blocks that no card has room for are kept in the
processor's memory, then on disk, and come to the first card when they are used. accelerate moves
weights and states; what is computed is the same as on one card.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from accelerate import dispatch_model
from accelerate.hooks import (
    AlignDevicesHook,
    ModelHook,
    add_hook_to_module,
    remove_hook_from_module,
)
from accelerate.utils import (
    OffloadedWeightsLoader,
    extract_submodules_state_dict,
    named_module_tensors,
    send_to_device,
    set_module_tensor_to_device,
)
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from assay.core.errors import InputError
from assay.core.runtime.device import Compute
from assay.core.runtime.rooms import CPU, Device
from assay.core.temporary import TemporaryFolder

DISK = "disk"
_Blocks = Mapping[str, nn.Module]


@dataclass(frozen=True)
class Split:
    """Where a model's blocks are.

    n_blocks: by device. kept: the weights that are on no card, by name. folder: of what is on disk;
    it vanishes with this object.
    """

    n_blocks: Mapping[Device, int]
    kept: Mapping[str, Tensor] = field(default_factory=dict)
    folder: TemporaryFolder | None = None

    def __str__(self) -> str:
        parts = [f"{n:,} {_shown(device)}" for device, n in self.n_blocks.items()]
        return f"blocks: {', '.join(parts)}"


def split(model: Any, compute: Compute) -> Split | None:
    """Put a model from the processor's memory on the devices that ``compute`` may use.

    None if the first of them holds all of it. InputError if all together do not.
    """
    assert compute.rooms is not None
    rooms = compute.rooms.now()
    first = next(iter(rooms))
    if _n_bytes(model) <= rooms[first]:
        model.to(compute.device)
        return None
    blocks = _blocks(model)
    n_outside = _n_bytes(model) - sum(map(_n_bytes, blocks.values()))
    if n_outside > rooms[first]:
        raise InputError(
            f"{n_outside / 1e9:.1f} GB for embeddings and output layer {_shown(first)}",
            f"{rooms[first] / 1e9:.1f} GB",
            "use a larger card, or --device cpu",
        )
    on = _divided(blocks, {**rooms, first: rooms[first] - n_outside})
    places = dict(_places_outside(model, blocks, first))
    away = {name: blocks[name] for name, at in on.items() if at in (CPU, DISK) and at != first}
    places |= {name: device for name, device in on.items() if name not in away}
    for name, block in away.items():
        places |= _places_within(name, block, on[name], first)
    kept, folder = _dispatched(model, places, first)
    for block in away.values():
        _compute_again_for_gradients(block, first)
    if (last := list(blocks)[-1]) not in away:
        add_hook_to_module(blocks[last], _ComeBack(first), append=True)
    # A block that is computed again would add to a cache again.
    model.config.get_text_config().use_cache = False
    return Split(Counter(on.values()), kept, folder)


def gather(model: nn.Module) -> None:
    """Bring a split model's weights together in the processor's memory."""
    remove_hook_from_module(model, recurse=True)
    model.__dict__.pop("hf_device_map", None)
    model.to(CPU)


def without_hooks(model: nn.Module) -> dict[int, Any]:
    """For ``copy.deepcopy``: what to put in place of a split model's hooks, which hold weights."""
    hooks = (getattr(module, "_hf_hook", None) for module in model.modules())
    return {id(hook): ModelHook() for hook in hooks if hook is not None}


def _blocks(model: nn.Module) -> _Blocks:
    """The transformer blocks by name: the items of the list that holds most of the weights."""
    lists = {name: one for name, one in model.named_modules() if isinstance(one, nn.ModuleList)}
    if not lists:
        raise InputError(
            "a model with transformer blocks for --device all",
            f"{type(model).__name__}, which has none",
            "use a device that holds it whole",
        )
    name = max(lists, key=lambda name: _n_bytes(lists[name]))
    return {f"{name}.{number}": block for number, block in enumerate(lists[name])}


def _divided(blocks: _Blocks, rooms: Mapping[Device, int]) -> dict[str, Device]:
    """The device of each block: in order, one device after the other, disk last."""
    left, devices = dict(rooms), [*rooms]
    on: dict[str, Device] = {}
    for name, block in blocks.items():
        n_bytes = _n_bytes(block)
        while devices and left[devices[0]] < n_bytes:
            devices.pop(0)
        on[name] = devices[0] if devices else DISK
        if devices:
            left[devices[0]] -= n_bytes
    return on


def _places_outside(
    model: nn.Module, blocks: _Blocks, first: Device, prefix: str = ""
) -> Iterator[tuple[str, Device]]:
    """The parts that contain no block, and the tensors beside them, which are put in place here."""
    for name, _ in list(named_module_tensors(model)):
        set_module_tensor_to_device(model, name, first)
        yield prefix + name, first
    for name, part in model.named_children():
        whole = prefix + name
        if any(block.startswith(f"{whole}.") for block in blocks):
            yield from _places_outside(part, blocks, first, f"{whole}.")
        elif whole not in blocks:
            yield whole, first


def _places_within(
    name: str, block: nn.Module, device: Device, first: Device
) -> Iterator[tuple[str, Device]]:
    """Of a block that is on no card. What an adapter trains in it stays where it is computed."""
    is_trained = [one.requires_grad for one in block.parameters()]
    if all(is_trained) or not any(is_trained):
        # Autocast would keep its copies of weights that may be trained until the pass ends.
        block.requires_grad_(False)
        yield name, device
        return
    for own, part in block.named_modules():
        tensors = [tensor for _, tensor in named_module_tensors(part)]
        if tensors:
            is_adapter = any(tensor.requires_grad for tensor in tensors)
            yield f"{name}.{own}", first if is_adapter else device


def _dispatched(
    model: nn.Module, places: Mapping[str, Device], first: Device
) -> tuple[Mapping[str, Tensor], TemporaryFolder | None]:
    """Put every part in its place. Returns the weights that are on no card, and their folder."""
    state = model.state_dict()

    def weights(device: Device) -> dict[str, Tensor]:
        names = [name for name, place in places.items() if place == device]
        return extract_submodules_state_dict(state, names)

    in_memory, on_disk = {} if first == CPU else weights(CPU), weights(DISK)
    folder = _folder(on_disk) if on_disk else None
    with _quiet():
        dispatch_model(
            model,
            dict(places),
            main_device=first,
            state_dict=in_memory or None,
            offload_dir=folder.name if folder else None,
        )
    if not in_memory and folder is None:
        return {}, None
    return OffloadedWeightsLoader(in_memory, folder.name if folder else None), folder


def _folder(weights: Mapping[str, Tensor]) -> TemporaryFolder:
    """A folder for these weights; InputError if there is no room for them."""
    n_bytes = sum(one.nbytes for one in weights.values())
    where = tempfile.gettempdir()
    free = shutil.disk_usage(where).free
    if n_bytes > free:
        raise InputError(
            f"{n_bytes / 1e9:.1f} GB of disk for weights that neither cards nor memory hold",
            f"{free / 1e9:.1f} GB in {where}",
            "free some, or set TMPDIR to a folder on a larger disk",
        )
    return TemporaryFolder("weights")


def _compute_again_for_gradients(block: nn.Module, first: Device) -> None:
    """A backward pass needs a block's weights. They are fetched again with the block's states:
    those of the forward pass would otherwise stay on the card, of every block."""
    if not hasattr(block, "_hf_hook"):
        add_hook_to_module(block, AlignDevicesHook(first))
    block.forward = partial(_recomputed, block.forward)


def _recomputed(forward: Callable[..., Any], *args: Any, **options: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **options)
    # If it stopped early, its last weights would stay on the card.
    return checkpoint(forward, *args, use_reentrant=False, early_stop=False, **options)


class _ComeBack(ModelHook):
    """Has a block's states on the first card, where what follows them is."""

    def __init__(self, first: Device) -> None:
        self._first = first

    def post_forward(self, module: nn.Module, output: Any) -> Any:
        return send_to_device(output, self._first)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without accelerate's warnings of weights that are on no card, as they are meant to be."""
    logger = logging.getLogger("accelerate.big_modeling")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The following device_map keys")
            yield
    finally:
        logger.setLevel(level)


def _n_bytes(part: nn.Module) -> int:
    return sum(one.nbytes for one in (*part.parameters(), *part.buffers()))


def _shown(device: Device) -> str:
    named = {CPU: "in the processor's memory", DISK: "on disk"}
    return named.get(str(device), f"on cuda:{device}")
