"""How a model is fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from assay.core.errors import OptionConflict
from assay.core.specs.data import LABEL_WORDS, RESPONSE_TEMPLATE, TASK, DataRef, Task
from assay.core.specs.options import Names, Option, option


class Optimizer(StrEnum):
    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"

    @property
    def usual_decay(self) -> float:
        """The default weight decay: PyTorch's. Without decay, AdamW would be Adam."""
        return 0.01 if self is Optimizer.ADAMW else 0.0


class StudentAdapter(StrEnum):
    """What of a student is trained: every weight, as the method does, or a LoRA adapter."""

    NONE = "none"
    LORA = "lora"


# Every linear layer, alpha 32, and ten times the rate of full training: Schulman and others, "LoRA
# Without Regret" (2025). A rank of 16 holds more than the few hundred documents of a selection.
LORA_RANK, LORA_ALPHA, LORA_RATE_FACTOR = 16, 32, 10
LORA_STUDENTS = (
    f"Students were trained with LoRA: changes of rank {LORA_RANK} to the linear layers, at "
    f"{LORA_RATE_FACTOR} times the learning rate, and a classifier's head as usual. The method "
    "trains all weights; such students may do better or worse than these."
)


@dataclass(frozen=True)
class TrainingSpec:
    """How a model is fine-tuned; students repeat the final model's."""

    optimizer: Optimizer = option(
        Optimizer.ADAM,
        help="Optimizer that the final model was trained with. Like the next options, needed only "
        "if "
        "`assay finetune` did not record it.",
        differs={"finetune": {"help": "Optimizer."}},
    )
    learning_rate: float = option(2e-5, help="Learning rate.")
    batch_size: int = option(32, minimum=1, help="Documents per training step.")
    n_epochs: int = option(
        3, flag="epochs", minimum=1, help="Passes over the data.", only=("finetune",)
    )
    weight_decay: float = option(
        0.0,
        minimum=0,
        help="Weight decay.",
        differs={
            "finetune": {
                "default": None,
                "otherwise": lambda given: given["optimizer"].usual_decay,
                "unset": "0.01 for adamw, else 0",
            }
        },
    )
    momentum: float = option(0.0, minimum=0, help="Momentum, for sgd only.")
    max_tokens: int = option(128, minimum=1, help="Tokens to read of each document.")
    seed: int = option(0, minimum=0, help="Random seed.", only=("finetune",))


@dataclass(frozen=True)
class FinetuneSpec:
    """How to make a final model whose training data is known."""

    base: str = option(
        help="Base model: a folder, GGUF file, hub name or builtin:NAME.", names=Names.MODEL
    )
    data: DataRef = option(
        help="Training data: a file, folder, hub data set or builtin:NAME.",
        sample=Option(flag="sample", help="Train on this many documents, chosen at random."),
        is_labelled=True,
    )
    training: TrainingSpec = option()
    task: Task = option(Task.CLASSIFICATION, **TASK)
    label_words: tuple[str, ...] | None = option(None, **LABEL_WORDS)
    # SFT: where the response begins in a document's text; only the response is scored.
    response_template: str | None = option(None, **RESPONSE_TEMPLATE)


def training_changed(known: TrainingSpec, changes: Mapping[str, Any]) -> TrainingSpec:
    """A training with some fields changed; another optimizer comes with its own default decay."""
    optimizer = changes.get("optimizer", known.optimizer)
    if optimizer != known.optimizer:
        known = replace(known, weight_decay=optimizer.usual_decay)
    return replace(known, **changes)


def check_training(training: TrainingSpec) -> None:
    """InputError for settings that contradict each other."""
    if training.momentum and training.optimizer is not Optimizer.SGD:
        raise OptionConflict(
            "--momentum applies to --optimizer sgd only",
            f"{training.momentum} with {training.optimizer}",
            "remove it, or use --optimizer sgd",
        )
