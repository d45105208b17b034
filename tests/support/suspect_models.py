"""A tiny model pair and pools of documents for suspect tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
from support.tiny_models import LABELS, documents, save_bert

from assay.core.audit.finetune import finetune
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.data import DataRef
from assay.core.specs.training import FinetuneSpec, TrainingSpec

CPU = Compute("cpu", False, 1)


def tuned(folder, train, seed=0):
    """A classifier trained for long on ``train``, a data frame with text and label."""
    train.to_json(folder / "train.jsonl", orient="records", lines=True)
    save_bert(folder / "base", hidden=48)
    training = TrainingSpec(
        learning_rate=2e-3, batch_size=10, n_epochs=50, max_tokens=24, seed=seed
    )
    data = DataRef(str(folder / "train.jsonl"), label_column="label")
    finetune(
        FinetuneSpec(str(folder / "base"), data, training),
        folder / "final",
        folder,
        CPU,
        SilentProgress(),
    )


def pool(n, seed):
    """Documents whose labels are drawn at random, so that they can only be learnt by heart."""
    texts = list(dict.fromkeys(documents(2 * n, seed=seed)[0]))[:n]
    labels = np.random.default_rng(seed).choice(LABELS, n)
    return pd.DataFrame({"text": texts, "label": labels})
