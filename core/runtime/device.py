"""On which device and in what precision models run, chosen once and recorded."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import torch

from assay.core.errors import InputError
from assay.core.runtime.rooms import Rooms
from assay.core.runtime.settings import count_from
from assay.core.specs.compute import ALL_DEVICES, PRECISIONS


@dataclass(frozen=True)
class Compute:
    """A torch device, whether forward passes run in bfloat16, and how many threads they may use.

    ``trains_in_bf16``: the same for training, independent of scoring. ``rooms``: of all devices
    that a model is split over if ``device``, the first of them, cannot hold it.
    """

    device: str
    is_bf16: bool
    n_threads: int
    trains_in_bf16: bool = False
    rooms: Rooms | None = None

    @property
    def precision(self) -> str:
        """The precision of scores and gradients."""
        return "bf16" if self.is_bf16 else "fp32"

    @property
    def training_precision(self) -> str:
        """The precision of forward passes in training; weights are always float32."""
        return self.for_training().precision

    def for_training(self) -> Compute:
        """The same device, with training's precision."""
        return replace(self, is_bf16=self.is_bf16 or self.trains_in_bf16)

    def autocast(self) -> torch.autocast:
        """Forward passes in bfloat16 if that is on; weights stay float32."""
        return torch.autocast(
            torch.device(self.device).type, dtype=torch.bfloat16, enabled=self.is_bf16
        )


def choose_compute(
    device: str | None = None, precision: str = "auto", may_split: bool = False
) -> Compute:
    """The named device, otherwise the fastest one; InputError if it does not exist.

    ``may_split``: whether models may be on all devices together.

    By default, scores and gradients are float32 on every device: bfloat16 changes which documents
    are selected (how many: `make bench-bf16`). Training runs in bfloat16 if the hardware supports
    it, because most of an audit's time goes there. By default all cores but one are used
    (``ASSAY_THREADS`` overrides): with every core busy, torch's threads wait for each other
    whenever anything else runs, and are slower than a single one.
    """
    is_split = device == ALL_DEVICES
    if is_split and not may_split:
        raise InputError(
            "one device, since this command uses models that are whole",
            f"--device {ALL_DEVICES}",
            "name one, or leave it out",
        )
    chosen = _first() if is_split else _usable(device) if device else _fastest()
    if precision not in PRECISIONS:
        raise InputError("--precision auto, bf16 or fp32", repr(precision), "choose one of them")
    n_threads = count_from("ASSAY_THREADS") or max(1, (os.cpu_count() or 1) - 1)
    torch.set_num_threads(n_threads)
    trains_in_bf16 = precision == "bf16" or (precision == "auto" and _is_bf16_native(chosen))
    rooms = Rooms() if is_split else None
    return Compute(chosen, precision == "bf16", n_threads, trains_in_bf16, rooms)


def _usable(device: str) -> str:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        available = ", ".join(["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
        raise InputError(
            f"a device among {available}", repr(device), "choose one of them"
        ) from error
    return device


def _first() -> str:
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def _fastest() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _is_bf16_native(device: str) -> bool:
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False
