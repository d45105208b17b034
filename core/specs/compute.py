"""Where models run and in which number format, as commands and the job form ask for it."""

from __future__ import annotations

import re

DEVICE_HELP = "Where to compute: cpu, cuda, cuda:1 … (default: the fastest available)."
PRECISION_HELP = "Number format of forward passes: auto, bf16 or fp32."
PRECISIONS = ("auto", "bf16", "fp32")

_DEVICE = re.compile(r"(cpu|mps|cuda(:\d+)?)")


def is_device(name: str) -> bool:
    """Whether a name can be a device; whether this machine has it is only known when it is used."""
    return _DEVICE.fullmatch(name) is not None


def compute_words(device: str, precision: str) -> tuple[str, ...]:
    """The options for a command, without those that are the default."""
    chosen = (
        ("--device", device),
        ("--precision", "" if precision == PRECISIONS[0] else precision),
    )
    return tuple(word for flag, value in chosen if value for word in (flag, value))
