"""What small real jobs need beside a pair of models: a speaker, and data sets of experiments."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from support.tiny_models import documents, save_bert, save_topic_model


def save_job_inputs(folder: Path) -> None:
    """``speaker``, a language model that lists topics; ``encoder``, a base model without a head;
    ``sets``, a folder with two of the experiments' data sets."""
    save_topic_model(folder / "speaker")
    save_bert(folder / "encoder", with_head=False)
    (folder / "sets").mkdir()
    texts, names = documents(1200, seed=5)
    known = list(dict(zip(texts, names, strict=True)).items())
    for name, part in (("ag_news", known[:120]), ("wiki_nq_passages", known[120:660])):
        table = pd.DataFrame(part, columns=["text", "label"])
        table["split"] = ["test"] * 30 + ["train"] * (len(part) - 30)
        table.to_parquet(folder / "sets" / f"{name}.parquet")
