"""Queries that compare an audit's selections with each other, the pool and the reference set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.cache.files.database import open_to_read
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class Overlap:
    """How many documents of the pool are exact and near duplicates of reference documents."""

    n_exact: int
    n_near: int


def read_places(path: Path) -> NDArray[np.float32]:
    """Where each document of the seed corpus is on the map, (n × 2); no rows without a map."""
    with open_to_read(path) as connection:
        columns = connection.execute(
            "SELECT x, y FROM map_points WHERE set_name = 'seed-corpus' ORDER BY item_id"
        ).fetchnumpy()
    return np.stack([columns["x"], columns["y"]], axis=1)


def read_selected_places(path: Path, strategy: Strategy, limit: int) -> pd.DataFrame:
    """The first ``limit`` of a selection, each with its scores, source, text, x and y."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT document_id, rank, gain, pseudolabel, source, x, y, text FROM selections "
            "JOIN documents USING (document_id) JOIN scores USING (document_id) "
            "JOIN map_points ON set_name = 'seed-corpus' AND item_id = document_id "
            "WHERE strategy = ? ORDER BY rank LIMIT ?",
            [str(strategy), limit],
        ).df()


def read_reference_places(path: Path, limit: int) -> pd.DataFrame:
    """reference_id, label, x, y, text of ``limit`` reference documents.

    They are chosen by their texts' hashes.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT reference_id, label, x, y, text FROM reference_documents "
            "JOIN map_points ON set_name = 'reference' AND item_id = reference_id "
            "ORDER BY md5(text_hash), reference_id LIMIT ?",
            [limit],
        ).df()


def read_reference_documents(path: Path, reference_ids: Sequence[int]) -> pd.DataFrame:
    """reference_id, label and text of some reference documents.

    document_id too, if the seed corpus contains the text.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT reference_id, document_id, label, r.text FROM reference_documents r "
            "LEFT JOIN documents USING (text_hash) "
            "JOIN unnest(?::INTEGER[]) w(reference_id) USING (reference_id) ORDER BY reference_id",
            [[int(number) for number in reference_ids]],
        ).df()


def read_overlap(path: Path) -> Overlap:
    """Exact and near duplicates of reference documents in the seed corpus."""
    with open_to_read(path) as connection:
        ((n_exact, n_near),) = connection.execute(
            "SELECT count(*) FILTER (WHERE in_reference), count(*) FILTER (WHERE NOT in_reference "
            "AND document_id IN (SELECT document_id FROM near_duplicates)) FROM documents"
        ).fetchall()
    return Overlap(n_exact, n_near)


def read_replacement_curve(path: Path) -> pd.DataFrame:
    """The replacement curve, as stored; no rows if no reference set is known."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT * FROM replacement_curve ORDER BY metric, replaced_by, replaced_share"
        ).df()


def read_random_objective(path: Path, n_points: int) -> pd.DataFrame:
    """n_selected, mean, low, high of random selections' cosine.

    At most ``n_points`` + 1 evenly spaced sizes, the last among them.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT * FROM random_objective "
            "QUALIFY n_selected % greatest(1, ceil(count(*) OVER () / ?)::BIGINT) = 0 "
            "OR n_selected = max(n_selected) OVER () ORDER BY n_selected",
            [n_points],
        ).df()


def read_label_counts(path: Path) -> pd.DataFrame:
    """Documents per label: subject (strategy, 'seed-corpus', 'reference'), label, n.

    Selections and seed corpus are counted by pseudolabel, the reference set by its own labels.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT strategy AS subject, pseudolabel AS label, count(*) AS n "
            "FROM selections JOIN scores USING (document_id) WHERE pseudolabel IS NOT NULL "
            "GROUP BY ALL UNION ALL SELECT 'seed-corpus', pseudolabel, count(*) FROM scores "
            "WHERE pseudolabel IS NOT NULL GROUP BY ALL UNION ALL "
            "SELECT 'reference', label, count(*) FROM reference_documents "
            "WHERE label IS NOT NULL GROUP BY ALL ORDER BY ALL"
        ).df()


def read_source_counts(path: Path) -> pd.DataFrame:
    """The number of documents for each source: subject as in ``read_label_counts``, source, n.

    'reference' counts the reference documents in the seed corpus; others have no source here.
    """
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT strategy AS subject, source, count(*) AS n FROM selections "
            "JOIN documents USING (document_id) GROUP BY ALL UNION ALL "
            "SELECT 'seed-corpus', source, count(*) FROM documents GROUP BY ALL UNION ALL "
            "SELECT 'reference', source, count(*) FROM documents WHERE in_reference GROUP BY ALL "
            "ORDER BY ALL"
        ).df()
