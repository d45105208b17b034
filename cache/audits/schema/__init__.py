"""The tables of an audit file, with the meaning of every column.

docs/audit-file.md is generated from here (``make docs``).
"""

from __future__ import annotations

from assay.cache.audits.schema.documents import DOCUMENT_TABLES
from assay.cache.audits.schema.evidence import EVIDENCE_TABLES
from assay.cache.audits.schema.measurements import MEASUREMENT_TABLES
from assay.cache.files.tables import Table

SCHEMA_VERSION = 7
# Audits of this version may lack these tables, which were added later.
ADDED_TABLES = frozenset(
    {
        "token_movement",
        "document_vocabulary",
        "vocabulary_scores",
        "embedding_scores",
        "embedding_gradients",
        "embedding_factors",
        "student_outcomes",
        "layer_scores",
    }
)

AUDIT_TABLES = {
    "meta": Table(
        "The audit's metadata: one JSON value for each key.",
        {
            "key": ("VARCHAR PRIMARY KEY", "see [below](#keys-of-meta)"),
            "value": ("JSON NOT NULL", "the value"),
        },
    ),
    **DOCUMENT_TABLES,
    **MEASUREMENT_TABLES,
    **EVIDENCE_TABLES,
}

META_KEYS = {
    "schema_version": "the version of these tables",
    "spec": "the options of the audit",
    "title": "the title in the dashboard",
    "created_at": "when it was made (ISO 8601, UTC)",
    "label_names": "names of the labels, in the order of their numbers; empty for SFT",
    "assessment": "whether the weights can be assessed (`verdict`), and why (`reasons`)",
    "vocabulary": "what the input embeddings show about tokens and documents, and all doubts",
    "embedding_gradients": "why no document is scored by input embeddings (`problem`), or null",
    "layer_gradients": "why no document is scored by linear layers (`problem`), or null; missing "
    "if `layer-match` was not asked for",
    "counts": "the number of documents of each kind",
    "training": "how students were trained, and the source of these settings",
    "initial_head": "how the audit knows the last layer's initial values: `own` (the base has "
    "them), `unknown`, or `recorded` (by `assay finetune`; then the audit knows more than an "
    "outsider); missing in audits of earlier versions",
    "caveats": "what a reader must know before relying on the numbers",
    "provenance": "hashes, versions, the device, and the command that repeats the audit",
    "map": "the parameters of the map",
    "evaluation_choices": "the final model's answers, with which students' answers are compared",
}

TABLES = {name: table.sql for name, table in AUDIT_TABLES.items()}
