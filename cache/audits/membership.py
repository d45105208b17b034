"""Queries on how a sealed audit ranks its documents by membership."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from assay.cache.files.database import open_to_read


def read_rankings(path: Path, held_out_source: str | None) -> pd.DataFrame:
    """scorer, score, is_trained of every document whose role is known.

    No rows if nothing was held out, or if no training document is in the seed corpus.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT scorer, score, in_reference AS is_trained "
            "FROM membership_scores JOIN documents USING (document_id) "
            "WHERE in_reference OR source = ? ORDER BY scorer, document_id",
            [held_out_source or ""],
        ).df()
