"""What `assay finetune` stores with the weights, so that an audit can repeat the training."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import InputError
from assay.core.models.folder_files import called
from assay.core.specs.data import Task
from assay.core.specs.plain import from_plain
from assay.core.specs.training import TrainingSpec

RECORD_FILE = "assay_training.json"
INITIAL_HEAD_FILE = "initial_head.safetensors"
INITIAL_HEAD = f"initial/{INITIAL_HEAD_FILE}"


@dataclass(frozen=True)
class TrainingRecord:
    """How a final model was trained. ``key`` hashes everything that it depends on."""

    key: str
    task: Task
    training: TrainingSpec
    label_names: tuple[str, ...]
    label_words: tuple[str, ...] | None
    response_template: str | None
    base_weights_sha256: str
    data_sha256: str
    n_documents: int
    precision: str
    epochs: tuple[dict[str, Any], ...]

    def write(self, folder: Path) -> None:
        """Save it with the weights; written last, so its presence shows that all is complete."""
        plain = asdict(self)
        (folder / RECORD_FILE).write_text(json.dumps(plain, indent=1))

    @classmethod
    def read(cls, folder: Path) -> TrainingRecord | None:
        """The record in a model folder, or None without one."""
        file = folder / RECORD_FILE
        if not file.exists():
            return None
        try:
            plain = json.loads(file.read_text())
            plain["task"] = Task(plain["task"])
            plain["training"] = from_plain(TrainingSpec, plain["training"])
            for name in ("label_names", "label_words", "epochs"):
                plain[name] = tuple(plain[name]) if plain[name] is not None else None
            return cls(**plain)
        except (InputError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"a readable {RECORD_FILE} in {called(folder)!r}",
                f"a damaged one ({error})",
                "delete that file or run `assay finetune` again",
            ) from error
