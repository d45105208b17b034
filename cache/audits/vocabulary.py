"""Queries on what the input embeddings show about tokens, and about one document.

An audit that is older than these tables has no rows in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assay.cache.files.database import has_table, open_to_read


@dataclass(frozen=True)
class DocumentEvidence:
    """Evidence on one document; None where the audit does not have it.

    n_different: its different ordinary tokens that training would have moved; unmoved: those of
    them that did not move, as the tokenizer writes them. agreement, rests_on, n_moved: from the
    rows that moved (``core.stats.embedding_membership``); p_value, q_value: against held-out
    documents.
    """

    n_different: int | None = None
    unmoved: tuple[str, ...] = ()
    agreement: float | None = None
    rests_on: float | None = None
    n_moved: int | None = None
    p_value: float | None = None
    q_value: float | None = None


def read_tokens(path: Path) -> pd.DataFrame:
    """token_id, token, is_special, is_moved, norm, n_documents, n_estimated and its bounds.

    No rows if no token is known to be unmoved.
    """
    with open_to_read(path) as connection:
        if not has_table(connection, "token_movement"):
            return pd.DataFrame()
        return connection.execute("SELECT * FROM token_movement ORDER BY token_id").df()


def read_document_evidence(path: Path, document_id: int) -> DocumentEvidence:
    """What the input embeddings show about one document."""
    known: dict = {}
    with open_to_read(path) as connection:
        if has_table(connection, "document_vocabulary"):
            rows = connection.execute(
                "SELECT n_different, unmoved FROM document_vocabulary WHERE document_id = ?",
                [document_id],
            ).fetchall()
            for n_different, unmoved in rows:
                names = dict(
                    connection.execute(
                        "SELECT token_id, token FROM token_movement "
                        "WHERE list_contains(?::INTEGER[], token_id)",
                        [unmoved],
                    ).fetchall()
                )
                words = tuple(str(names[token]) for token in unmoved if token in names)
                known |= {"n_different": n_different, "unmoved": words}
        if has_table(connection, "embedding_scores"):
            columns = ("agreement", "rests_on", "n_moved", "p_value", "q_value")
            rows = connection.execute(
                f"SELECT {', '.join(columns)} FROM embedding_scores WHERE document_id = ?",
                [document_id],
            ).fetchall()
            for row in rows:
                known |= dict(zip(columns, row, strict=True))
    return DocumentEvidence(**known)
