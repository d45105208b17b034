"""Where and in what precision models run, chosen once and recorded."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from assay.core.errors import InputError
from assay.core.runtime.settings import count_from


@dataclass(frozen=True)
class Compute:
    """A torch device, whether forward passes run in bfloat16, and the threads they may use."""

    device: str
    is_bf16: bool
    n_threads: int

    @property
    def precision(self) -> str:
        return "bf16" if self.is_bf16 else "fp32"

    def autocast(self) -> torch.autocast:
        """Forward passes in bfloat16 where that is on; weights stay float32."""
        return torch.autocast(
            torch.device(self.device).type, dtype=torch.bfloat16, enabled=self.is_bf16
        )


def choose_compute(device: str | None = None, precision: str = "auto") -> Compute:
    """The named device, else the fastest there is; InputError for one that is not there.

    Float32 unless bf16 is asked for, whatever the device is fast at: bfloat16 moves documents in
    and out of selections. How many has not been measured here: `make bench-bf16`.

    All cores but one by default (``ASSAY_THREADS`` overrides): with every core taken, torch's
    threads wait for each other whenever anything else runs, and are slower than one alone.
    """
    chosen = _usable(device) if device else _fastest()
    if precision not in ("auto", "bf16", "fp32"):
        raise InputError("--precision auto, bf16 or fp32", repr(precision), "choose one of them")
    n_threads = count_from("ASSAY_THREADS") or max(1, (os.cpu_count() or 1) - 1)
    torch.set_num_threads(n_threads)
    return Compute(chosen, precision == "bf16", n_threads)


def _usable(device: str) -> str:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        available = ", ".join(["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
        raise InputError(
            f"a device among {available}", repr(device), "choose one of them"
        ) from error
    return device


def _fastest() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
