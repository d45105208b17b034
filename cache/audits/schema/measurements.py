"""Tables of what was measured for selections and students."""

from __future__ import annotations

from assay.cache.audits.schema.block_columns import BLOCK
from assay.cache.files.tables import Table

MEASUREMENT_TABLES = {
    "metrics": Table(
        "Every measured quantity, with what chance alone would give.",
        {
            "subject": ("VARCHAR NOT NULL", "a strategy, or `final` or `base` for the models"),
            "metric": ("VARCHAR NOT NULL", "what is measured, for example `recall`"),
            "value": ("DOUBLE NOT NULL", "the measured value"),
            "low": ("DOUBLE", "lower end of its interval"),
            "high": ("DOUBLE", "upper end of its interval"),
            "confidence": ("DOUBLE", "confidence level of the interval, for example 0.95"),
            "n": ("INTEGER", "number of documents or tokens behind the value"),
            "ceiling": ("DOUBLE", "the best that was possible"),
            "null_value": ("DOUBLE", "what chance alone gives"),
            "null_low": ("DOUBLE", "lower end of the null's central range"),
            "null_high": ("DOUBLE", "upper end of the null's central range"),
            "null_kind": ("VARCHAR", "what the null is"),
            "p_value": ("DOUBLE", "p-value of the value under the null"),
            "method": ("VARCHAR NOT NULL", "how value, interval and null were computed"),
        },
        ("subject", "metric"),
    ),
    "student_epochs": Table(
        "One row for each epoch of each student.",
        {
            "strategy": (
                "VARCHAR NOT NULL",
                "the strategy of its selection, or `random #2` and so on",
            ),
            "epoch": ("INTEGER NOT NULL", "number of the epoch"),
            "train_loss": ("DOUBLE NOT NULL", "mean training loss"),
            "validation_loss": (
                "DOUBLE",
                "mean loss on the tenth that was held back for validation",
            ),
            "is_best": ("BOOLEAN NOT NULL", "whether the student of this epoch was kept"),
        },
        ("strategy", "epoch"),
    ),
    "student_outcomes": Table(
        "What each student predicts for each document that students are tested on.",
        {
            "student": ("VARCHAR NOT NULL", "a strategy, or `random #2` and so on"),
            "document": ("INTEGER NOT NULL", "position among those documents, from 0"),
            "outcome": (
                "DOUBLE NOT NULL",
                "number of correct targets or, without a test set, of targets where it agrees with "
                "the final model; for SFT with a test set, the summed loss of all targets, in nats",
            ),
            "n_targets": ("INTEGER NOT NULL", "targets in the document, 1 in classification"),
        },
        ("student", "document"),
    ),
    "embeddings": Table(
        "Sentence embeddings of documents.",
        {
            "set_name": (
                "VARCHAR NOT NULL",
                "`seed-corpus` (rows by `document_id`) or `reference` (rows by `reference_id`)",
            ),
            **BLOCK,
        },
        ("set_name", "first_row"),
    ),
    "random_objective": Table(
        "The cosine with the target that random selections reach.",
        {
            "n_selected": ("INTEGER PRIMARY KEY", "size of the selections"),
            "mean": ("DOUBLE NOT NULL", "mean over random selections"),
            "low": ("DOUBLE NOT NULL", "lower end of the central 95%"),
            "high": ("DOUBLE NOT NULL", "upper end of the central 95%"),
        },
    ),
    "near_duplicates": Table(
        "Pairs of near and exact duplicates: their sets of three-word runs have a Jaccard index "
        "of at least 0.8.",
        {
            "document_id": ("INTEGER NOT NULL", "as in `documents`"),
            "reference_id": ("INTEGER NOT NULL", "as in `reference_documents`"),
            "jaccard": ("DOUBLE NOT NULL", "the Jaccard index"),
        },
        ("document_id", "reference_id"),
    ),
    "replacement_curve": Table(
        "The metric of reference documents when a share of them is replaced by other documents.",
        {
            "metric": ("VARCHAR NOT NULL", "as in `metrics`"),
            "replaced_by": (
                "VARCHAR NOT NULL",
                "`pool` (any document outside the reference set) or `held-out`",
            ),
            "replaced_share": ("DOUBLE NOT NULL", "from 0 to 1"),
            "mean": ("DOUBLE NOT NULL", "mean of the draws"),
            "low": ("DOUBLE NOT NULL", "lowest of the draws"),
            "high": ("DOUBLE NOT NULL", "highest of the draws"),
            "n": ("INTEGER NOT NULL", "number of documents in a draw"),
            "n_draws": ("INTEGER NOT NULL", "draws"),
            "method": ("VARCHAR NOT NULL", "how it was computed"),
        },
        ("metric", "replaced_by", "replaced_share"),
    ),
    "map_points": Table(
        "Coordinates of documents on the map; one map for both sets.",
        {
            "set_name": ("VARCHAR NOT NULL", "as in `embeddings`"),
            "item_id": ("INTEGER NOT NULL", "`document_id` or `reference_id`"),
            "x": ("REAL NOT NULL", "first coordinate"),
            "y": ("REAL NOT NULL", "second coordinate"),
        },
        ("set_name", "item_id"),
    ),
}
