"""Where models run and in which number format, as commands and the job form ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# Instead of one device: all of this machine together, for models that one cannot hold.
ALL_DEVICES = "all"
DEVICE_HELP = "Where to compute: cpu, cuda, cuda:1 … (default: the fastest available)."
SPLIT_HELP = (
    f"{DEVICE_HELP} {ALL_DEVICES}: models that one card cannot hold are split over all cards, then "
    "the processor's memory, then disk."
)
PRECISION_HELP = "Number format of forward passes: auto, bf16 or fp32."
PRECISIONS = ("auto", "bf16", "fp32")

ENGINE_HELP = (
    "What computes the documents' gradients and scores: local (this process) or ray (one worker "
    "per device of a Ray cluster)."
)
CELL_ENGINE_HELP = (
    "What makes the cells: local (this machine) or ray (the workers of a Ray cluster, all of which "
    "share the store)."
)
ADDRESS_HELP = (
    "With --engine ray: the address of a running Ray cluster (host:port, or auto). Without it, Ray "
    "is started on this machine."
)
SHARD_HELP = (
    "Only compute part I of N of what runs the models on each document of the seed corpus: "
    "gradients, membership scores, embedding gradients and layer gradients. Run the same command "
    "without --shard when all parts are done."
)

_DEVICE = re.compile(r"(cpu|mps|cuda(:\d+)?)")


def is_device(name: str, may_split: bool = False) -> bool:
    """Whether a name can be a device; whether this machine has it is only known when it is used.

    ``may_split``: or all of them.
    """
    return _DEVICE.fullmatch(name) is not None or (may_split and name == ALL_DEVICES)


class WorkEngine(StrEnum):
    """What computes an audit's documents, or an experiment's cells."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True)
class Spread:
    """Over what documents or cells are spread; ``address``: of a running Ray cluster."""

    engine: WorkEngine = WorkEngine.LOCAL
    address: str | None = None


HERE = Spread()


def compute_words(
    device: str,
    precision: str,
    memory: str = "",
    engine: WorkEngine = WorkEngine.LOCAL,
    address: str = "",
) -> tuple[str, ...]:
    """The options for a command, without those that are the default."""
    chosen = (
        ("--device", device),
        ("--precision", "" if precision == PRECISIONS[0] else precision),
        ("--memory", memory),
        ("--engine", "" if engine is WorkEngine.LOCAL else str(engine)),
        ("--address", address),
    )
    return tuple(word for flag, value in chosen if value for word in (flag, value))
