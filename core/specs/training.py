"""How a model is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay.core.specs.data import DataRef, Task


class Optimizer(StrEnum):
    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"

    @property
    def usual_decay(self) -> float:
        """The weight decay where none is asked for: PyTorch's. Without any AdamW is Adam."""
        return 0.01 if self is Optimizer.ADAMW else 0.0


@dataclass(frozen=True)
class TrainingSpec:
    """How a model is fine-tuned; students repeat the final model's."""

    optimizer: Optimizer = Optimizer.ADAM
    learning_rate: float = 2e-5
    batch_size: int = 32
    n_epochs: int = 3
    weight_decay: float = 0.0
    momentum: float = 0.0
    max_tokens: int = 128
    seed: int = 0


@dataclass(frozen=True)
class FinetuneSpec:
    """How a final model whose training data is known is made."""

    base: str
    data: DataRef
    training: TrainingSpec
    task: Task = Task.CLASSIFICATION
    label_words: tuple[str, ...] | None = None
    # SFT: where the response begins in a document's text; only what follows is scored.
    response_template: str | None = None


def training_spec_from_plain(plain: dict[str, Any]) -> TrainingSpec:
    """The spec that ``to_plain`` wrote; unknown keys are an error."""
    return TrainingSpec(**{**plain, "optimizer": Optimizer(plain["optimizer"])})
