"""A real tiny model fine-tuned on texts of half of its words, and texts around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from support.tiny_models import LABELS, WORDS, documents, save_bert

from assay.core.audit.finetune import finetune
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.data import DataRef
from assay.core.specs.training import FinetuneSpec, TrainingSpec

COMPUTE = Compute("cpu", is_bf16=False, n_threads=1)
# So many on both sides that they are groups.
KNOWN = {word for field in LABELS for word in WORDS[field][:6]}
MAX_TOKENS = 24


@dataclass(frozen=True)
class HalfVocabulary:
    """base and final model; documents of known words, trained on and held out; others that hold a
    word that never occurred. Files of them: trained, leaked, held-out, others (.jsonl)."""

    folder: Path
    trained: list[str]
    held_out: list[str]
    others: list[str]

    @property
    def base(self) -> Path:
        return self.folder / "base"

    @property
    def final(self) -> Path:
        return self.folder / "final"


def half_vocabulary(folder: Path, n_trained=80, n_held_out=60, save=save_bert) -> HalfVocabulary:
    """``save``: writes the base model."""
    texts, names = documents(900, seed=21)
    label_of = dict(zip(texts, names, strict=True))
    known, others = {}, []
    for text in label_of:
        words = [word for word in text.split() if word in KNOWN]
        if len(words) > 3:
            known.setdefault(" ".join(words), label_of[text])
        if any(word not in KNOWN for word in text.split()[:4]):
            others.append(text)
    rows = list(known.items())
    trained, held_out = rows[:n_trained], rows[n_trained : n_trained + n_held_out]
    for name, part in (
        ("trained", trained),
        ("leaked", trained[: n_trained // 2]),
        ("held-out", held_out),
        ("others", [(text, label_of[text]) for text in others[:60]]),
    ):
        table = pd.DataFrame(part, columns=["text", "label"])
        table.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    save(folder / "base")
    training = TrainingSpec(
        learning_rate=3e-3, batch_size=8, n_epochs=6, max_tokens=MAX_TOKENS, seed=4
    )
    data = DataRef(str(folder / "trained.jsonl"), label_column="label")
    spec = FinetuneSpec(str(folder / "base"), data, training)
    finetune(spec, folder / "final", folder, COMPUTE, SilentProgress())
    return HalfVocabulary(
        folder, [text for text, _ in trained], [text for text, _ in held_out], others[:60]
    )
