"""How many bytes of a model's weights each device of this machine may take."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from assay.core.runtime.memory import available

# A card by its number, or the processor's memory.
Device = int | str
CPU = "cpu"
# Of a card's memory, and of the processor's that is left, for what is computed with the weights.
_FOR_WORK = 0.25


@dataclass(frozen=True)
class Rooms:
    """``most``: the bytes of weights that devices may take, instead of what is free there."""

    most: tuple[tuple[Device, int], ...] = ()

    def now(self) -> dict[Device, int]:
        """Bytes that each device has room for: every card, then the processor's memory."""
        free: dict[Device, int] = {card: _free_on(card) for card in range(_n_cards())}
        free[CPU] = int(available() * (1 - _FOR_WORK))
        return {**free, **{device: room for device, room in self.most if device in free}}


def _n_cards() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _free_on(card: int) -> int:
    """What is free on a card, or held by torch and unused, but for a part of the whole card."""
    free, whole = torch.cuda.mem_get_info(card)
    unused = torch.cuda.memory_reserved(card) - torch.cuda.memory_allocated(card)
    return max(0, int(free + unused - whole * _FOR_WORK))
