"""The documents that a strategy selected in any of several audits, each with its rank in all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from assay.cache.audits.side_by_side import Side
from assay.core.specs.strategies import Strategy


def selected_documents(sides: Sequence[Side], strategy: Strategy) -> pd.DataFrame:
    """One row a document, the best ranked first.

    Of audit i: ``rank_i`` (from 1) if it selected the document, and ``document_i``, its number
    there, if its seed corpus holds it.
    """
    chosen = [side.selections.get(strategy, np.zeros(0, np.int64)) for side in sides]
    hashes = np.unique(
        np.concatenate([side.hashes[own] for side, own in zip(sides, chosen, strict=True)])
    )
    table = pd.DataFrame(index=pd.Index(hashes, name="text_hash"))
    for i, (side, own) in enumerate(zip(sides, chosen, strict=True)):
        numbers = pd.Series(side.document_ids, index=side.hashes)
        ranks = pd.Series(np.arange(1, len(own) + 1), index=side.hashes[own])
        table[f"rank_{i}"] = ranks.reindex(hashes).astype("Int64")
        table[f"document_{i}"] = numbers.reindex(hashes).astype("Int64")
    ranks_of_all = table[[f"rank_{i}" for i in range(len(sides))]]
    best = ranks_of_all.min(axis=1)
    table["n_selecting"] = ranks_of_all.notna().sum(axis=1)
    return (
        table.assign(best=best)
        .sort_values(["best", "text_hash"], kind="stable")
        .drop(columns="best")
        .reset_index()
    )
