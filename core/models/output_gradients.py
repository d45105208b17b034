"""A language model's gradients at its output layer, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from assay.core.models.examples import Example

# Maximum number of logits in memory.
_LOGITS_AT_A_TIME = 1 << 26


def own_tokens(token_ids: Tensor, mask: Tensor) -> Tensor:
    """Each document's different tokens, ascending, (n × most), padded with a huge number."""
    beyond = torch.iinfo(torch.int64).max
    ordered = token_ids.masked_fill(mask == 0, beyond).sort(dim=1).values
    repeats = torch.zeros_like(ordered, dtype=torch.bool)
    repeats[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return ordered.masked_fill(repeats, beyond).sort(dim=1).values


def output_gradients(
    states: Tensor,
    head: Tensor,
    cap: float | None,
    token_ids: Tensor,
    batch: Sequence[Example],
    own: Tensor,
) -> tuple[Tensor, Tensor]:
    """The summed loss' gradient at the states (n × T × width), and each document's gradient at the
    output rows of its own tokens (n × most × width).

    Closed form, a few documents at a time. ``cap``: of logits with a soft cap, cap · tanh(z / cap)
    (Gemma 2 and 3).
    """
    at_states = torch.zeros_like(states)
    at_rows = states.new_zeros(*own.shape, states.shape[-1])
    n_vocabulary = len(head)
    at_a_time = max(1, _LOGITS_AT_A_TIME // (n_vocabulary * states.shape[1]))
    columns = own.clamp_max(n_vocabulary - 1)
    with torch.inference_mode():
        for start in range(0, len(states), at_a_time):
            rows = slice(start, start + at_a_time)
            logits = states[rows] @ head.T
            slopes = None
            if cap:
                capped = torch.tanh(logits / cap)
                logits, slopes = cap * capped, 1 - capped**2
            errors = logits.softmax(dim=-1)
            targets = token_ids[rows].roll(-1, dims=1)[..., None]
            errors.scatter_add_(2, targets, torch.full_like(targets, -1, dtype=errors.dtype))
            errors *= _is_predicting(batch[rows], states.shape[1]).to(errors)[..., None]
            if slopes is not None:
                errors *= slopes
            at_states[rows] = errors @ head
            wanted = columns[rows][:, None].expand(-1, states.shape[1], -1)
            at_rows[rows] = errors.gather(2, wanted).transpose(1, 2) @ states[rows]
    return at_states, at_rows


def _is_predicting(batch: Sequence[Example], n_positions: int) -> Tensor:
    """Which positions predict a target, (n × T, bool)."""
    marks = torch.zeros(len(batch), n_positions, dtype=torch.bool)
    for row, example in enumerate(batch):
        marks[row, example.first_target - 1 : max(0, len(example.token_ids) - 1)] = True
    return marks
