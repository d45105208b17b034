"""Queries of the map: its documents, those that match filters, and what is chosen on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.cache.audits.read import SelectionFilter, document_condition
from assay.cache.files.database import open_to_read
from assay.core.specs.strategies import Strategy


def read_hover(path: Path, n_characters: int, document_ids: Sequence[int] | None) -> pd.DataFrame:
    """document_id, x, y, pseudolabel, source and the start of the text, in order of document_id.

    Of all documents on the map, or of some.
    """
    wanted = "" if document_ids is None else "JOIN unnest(?::INTEGER[]) w(document_id) USING "
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT document_id, x, y, pseudolabel, source, left(text, ?) AS text FROM documents "
            "JOIN scores USING (document_id) JOIN map_points "
            "ON set_name = 'seed-corpus' AND item_id = document_id "
            + (f"{wanted}(document_id) " if wanted else "")
            + "ORDER BY document_id",
            [n_characters, *([] if document_ids is None else [_numbers(document_ids)])],
        ).df()


def read_matching(
    path: Path, chosen: SelectionFilter, selected_by: Strategy | None
) -> NDArray[np.int64]:
    """Numbers of the documents that match, in order; ``selected_by``: only that selection's."""
    condition, parameters = document_condition(chosen)
    if selected_by is not None:
        condition += " AND document_id IN (SELECT document_id FROM selections WHERE strategy = ?)"
        parameters = [*parameters, str(selected_by)]
    with open_to_read(path) as connection:
        rows = connection.execute(
            f"SELECT document_id FROM documents JOIN scores USING (document_id) WHERE {condition} "
            "ORDER BY document_id",
            parameters,
        ).fetchnumpy()
    return rows["document_id"].astype(np.int64)


def read_starts(path: Path, document_ids: Sequence[int], n_characters: int) -> list[str]:
    """The starts of some documents' texts, in order of their numbers."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT left(text, ?) FROM documents JOIN unnest(?::INTEGER[]) w(document_id) "
            "USING (document_id) ORDER BY document_id",
            [n_characters, _numbers(document_ids)],
        ).fetchall()
    return [text for (text,) in rows]


def read_documents(
    path: Path,
    document_ids: Sequence[int],
    strategies: Sequence[Strategy],
    limit: int | None = None,
) -> pd.DataFrame:
    """Seed documents with text, scores and one column of ranks (from 0) per strategy.

    Those with the best rank first; at most ``limit``.
    """
    ranks = ", ".join(
        f"max(rank) FILTER (WHERE strategy = ?) AS rank_{n}" for n in range(len(strategies))
    )
    best = ", ".join(f"rank_{n}" for n in range(len(strategies)))
    with open_to_read(path) as connection:
        return connection.execute(
            f"WITH first AS (SELECT document_id, {ranks} FROM unnest(?::INTEGER[]) w(document_id) "
            "LEFT JOIN selections USING (document_id) GROUP BY document_id "
            f"ORDER BY least({best}), document_id LIMIT ?) "
            "SELECT first.*, text, pseudolabel, source, cosine, in_reference, text_hash FROM first "
            "JOIN documents USING (document_id) JOIN scores USING (document_id) "
            f"ORDER BY least({best}), document_id",
            [*map(str, strategies), _numbers(document_ids), limit],
        ).df()


def _numbers(document_ids: Sequence[int]) -> list[int]:
    return [int(number) for number in document_ids]
