"""The tables of an audit file, with the meaning of every column.

docs/audit-file.md is generated from here (``make docs``).
"""

from __future__ import annotations

from assay.cache.files.tables import Table

SCHEMA_VERSION = 7
# Audits of this version may lack these tables, which were added later.
ADDED_TABLES = frozenset(
    {"token_movement", "document_vocabulary", "embedding_scores", "student_outcomes"}
)

# Matrices are stored as float16 blocks of rows: cache/files/blocks.py.
_BLOCK = {
    "first_row": ("INTEGER NOT NULL", "number of the block's first row"),
    "n_rows": ("INTEGER NOT NULL", "rows in the block"),
    "width": ("INTEGER NOT NULL", "columns of the matrix"),
    "scale": ("BLOB NOT NULL", "float32, one for each row: multiply the row by it"),
    "data": ("BLOB NOT NULL", "float16, row-major"),
    "sha256": ("VARCHAR NOT NULL", "of `scale` followed by `data`"),
}

AUDIT_TABLES = {
    "meta": Table(
        "The audit's metadata: one JSON value for each key.",
        {
            "key": ("VARCHAR PRIMARY KEY", "see [below](#keys-of-meta)"),
            "value": ("JSON NOT NULL", "the value"),
        },
    ),
    "documents": Table(
        "The seed corpus, without exact duplicates, in reading order.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "number in reading order, from 0"),
            "text_hash": (
                "VARCHAR NOT NULL UNIQUE",
                "the first 32 hex digits of the SHA-256 of the text, runs of whitespace as one "
                "space",
            ),
            "text": ("VARCHAR NOT NULL", "the document"),
            "source": ("VARCHAR NOT NULL", "the file, data set or package it was read from"),
            "n_tokens": ("INTEGER NOT NULL", "number of its tokens that the model reads"),
            "in_reference": (
                "BOOLEAN NOT NULL",
                "whether the reference set contains the same text",
            ),
            "n_prompt_characters": (
                "INTEGER NOT NULL DEFAULT 0",
                "number of leading characters that are the prompt, which is not scored",
            ),
        },
    ),
    "reference_documents": Table(
        "The training documents, where they are known; for evaluation only.",
        {
            "reference_id": ("INTEGER PRIMARY KEY", "number in reading order, from 0"),
            "text_hash": ("VARCHAR NOT NULL", "as in `documents`"),
            "text": ("VARCHAR NOT NULL", "the document"),
            "label": ("INTEGER", "its true label, a place in `label_names`"),
        },
    ),
    "test_documents": Table(
        "Labelled documents that students are tested on.",
        {
            "test_id": ("INTEGER PRIMARY KEY", "number in reading order, from 0"),
            "text": ("VARCHAR NOT NULL", "the document"),
            "label": ("INTEGER", "its true label, a place in `label_names`"),
            "n_prompt_characters": ("INTEGER NOT NULL DEFAULT 0", "as in `documents`"),
        },
    ),
    "scores": Table(
        "What both models say about each document of the seed corpus.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "pseudolabel": (
                "SMALLINT",
                "the label that the final model gives it, an index into `label_names` "
                "(classification only)",
            ),
            "final_probability": ("REAL", "probability of the pseudolabel under the final model"),
            "base_loss": ("REAL NOT NULL", "the base model's loss, in nats per scored token"),
            "alignment": (
                "DOUBLE[] NOT NULL",
                "inner product of the gradient with the target, at each checkpoint",
            ),
            "squared_norms": ("DOUBLE[] NOT NULL", "norm of the gradient, at each checkpoint"),
            "cosine": (
                "DOUBLE NOT NULL",
                "cosine of the gradient with the target, averaged over checkpoints",
            ),
        },
    ),
    "factors": Table(
        "Per-document factors from which inner products of gradients are computed, in order of "
        "`document_id`.",
        {
            "checkpoint": ("SMALLINT NOT NULL", "number of the synthetic checkpoint, from 0"),
            "name": (
                "VARCHAR NOT NULL",
                "classification: `errors` (softmax − one-hot) and `hidden` (hidden states); the "
                "gradient is their outer product. SFT and inner layers: `projected`",
            ),
            **_BLOCK,
        },
        ("checkpoint", "name", "first_row"),
    ),
    "targets": Table(
        "The target: base − final of the layers whose gradients were computed.",
        {
            "checkpoint": ("SMALLINT PRIMARY KEY", "number of the synthetic checkpoint, from 0"),
            "norm": ("DOUBLE NOT NULL", "its Euclidean norm"),
            "n_rows": ("INTEGER", "classification only: number of rows, one per label"),
            "n_columns": ("INTEGER", "classification only: number of columns"),
            "data": ("BLOB", "classification only: float32, row-major"),
        },
    ),
    "selections": Table(
        "The documents that each strategy selected, in the order of selection.",
        {
            "strategy": ("VARCHAR NOT NULL", "how the selection was made, for example `select`"),
            "rank": ("INTEGER NOT NULL", "position in the selection, from 0"),
            "document_id": ("INTEGER NOT NULL", "as in `documents`"),
            "gain": ("DOUBLE", "rise of the objective at this step"),
            "objective": ("DOUBLE", "cosine of the summed gradient with the target up to here"),
            "weight": ("DOUBLE NOT NULL", "weight of the document, 1 on average"),
        },
        ("strategy", "rank"),
    ),
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
            **_BLOCK,
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
    "stages": Table(
        "The stages of the audit, and how long each took.",
        {
            "name": ("VARCHAR PRIMARY KEY", "the stage"),
            "position": ("INTEGER NOT NULL", "its position in the order of stages, from 0"),
            "started_at": ("VARCHAR NOT NULL", "when it started (ISO 8601, UTC)"),
            "duration_s": ("DOUBLE NOT NULL", "how long it took, in seconds"),
        },
    ),
    "layers": Table(
        "How each tensor changed from base to final.",
        {
            "position": ("INTEGER PRIMARY KEY", "position in the model's order, from 0"),
            "name": ("VARCHAR NOT NULL", "the tensor"),
            "n_entries": ("BIGINT NOT NULL", "number of weights"),
            "base_norm": ("DOUBLE NOT NULL", "Frobenius norm in the base model"),
            "difference_norm": ("DOUBLE NOT NULL", "Frobenius norm of final − base"),
            "cosine": ("DOUBLE NOT NULL", "cosine of final with base"),
            "share_changed": ("DOUBLE NOT NULL", "share of weights that changed"),
            "floor_norm": (
                "DOUBLE NOT NULL",
                "norm that the difference would have from rounding to the stored type alone",
            ),
            "rank_90": (
                "INTEGER NOT NULL",
                "number of singular values that make up 90% of the squared norm of the "
                "difference; 0 for vectors. This, `full_rank` and `spectrum` use at most 1,024 "
                "evenly spaced rows and columns",
            ),
            "full_rank": ("INTEGER NOT NULL", "number of singular values"),
            "spectrum": (
                "DOUBLE[] NOT NULL",
                "the largest singular values, as shares of their Euclidean norm",
            ),
            "decay_correlation": (
                "DOUBLE NOT NULL",
                "correlation of the difference with the base; weight decay makes it negative",
            ),
            "flatness": (
                "DOUBLE NOT NULL",
                "mean absolute change / root mean square change: 0.80 for normally distributed "
                "changes, near 1 if all weights changed equally, low if a few changed a lot",
            ),
        },
    ),
    "model_facts": Table(
        "Facts about the two models and their difference.",
        {
            "model": ("VARCHAR NOT NULL", "`base`, `final` or `difference`"),
            "fact": ("VARCHAR NOT NULL", "name of the fact"),
            "value": ("JSON NOT NULL", "the value"),
        },
        ("model", "fact"),
    ),
    "groups": Table(
        "How well groups of documents explain the weight difference.",
        {
            "kind": ("VARCHAR NOT NULL", "`source` or `class`"),
            "name": ("VARCHAR NOT NULL", "the source, or the number of the class"),
            "n_documents": ("INTEGER NOT NULL", "number of documents in the group"),
            "cosine": ("DOUBLE NOT NULL", "cosine of the group's mean gradient with the target"),
            "low": ("DOUBLE NOT NULL", "lower end of the cosine's interval"),
            "high": ("DOUBLE NOT NULL", "upper end of the cosine's interval"),
            "null_low": (
                "DOUBLE NOT NULL",
                "lower end of the cosines of random groups of the same size",
            ),
            "null_high": ("DOUBLE NOT NULL", "upper end of the same"),
            "share": (
                "DOUBLE NOT NULL",
                "the group's share in the best-fitting non-negative mixture",
            ),
            "share_low": ("DOUBLE NOT NULL", "lower end of the share's interval"),
            "share_high": ("DOUBLE NOT NULL", "upper end of the share's interval"),
            "centroid_share": (
                "DOUBLE NOT NULL",
                "the share if it were proportional to the cosine",
            ),
            "true_share": ("DOUBLE", "the true share, if the reference set is known"),
        },
        ("kind", "name"),
    ),
    "source_students": Table(
        "Models trained on half of each source, to show what the true source would reach.",
        {
            "source": ("VARCHAR NOT NULL", "the source"),
            "seed": ("INTEGER NOT NULL", "the seed of the split into halves"),
            "n_documents": ("INTEGER NOT NULL", "number of documents trained on"),
            "cosine": (
                "DOUBLE NOT NULL",
                "cosine of the other half's mean gradient with that model's weight difference",
            ),
        },
        ("source", "seed"),
    ),
    "blind_scores": Table(
        "What text alone says about a document: predictions of a classifier that was not trained "
        "on it.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "p_trained": ("DOUBLE NOT NULL", "probability that it was trained on"),
            "p_held_out": ("DOUBLE NOT NULL", "probability that it was held out"),
        },
    ),
    "membership_scores": Table(
        "Score of every document in every ranking.",
        {
            "document_id": ("INTEGER NOT NULL", "as in `documents`"),
            "scorer": ("VARCHAR NOT NULL", "a membership baseline, a strategy, or `blind`"),
            "score": ("DOUBLE NOT NULL", "higher means more likely to have been trained on"),
        },
        ("scorer", "document_id"),
    ),
    "token_movement": Table(
        "What the input embeddings show about each token that both models have; empty if no row "
        "is known to be unmoved.",
        {
            "token_id": ("INTEGER PRIMARY KEY", "its number in the final model"),
            "token": ("VARCHAR NOT NULL", "as the tokenizer writes it"),
            "is_special": ("BOOLEAN NOT NULL", "whether it is a special token"),
            "is_moved": (
                "BOOLEAN NOT NULL",
                "whether its row moved, so that it occurred in fine-tuning",
            ),
            "norm": (
                "REAL NOT NULL",
                "how far its row moved, after removing the factor that all rows share",
            ),
            "n_documents": (
                "INTEGER NOT NULL",
                "number of documents of the seed corpus that contain it",
            ),
            "n_estimated": (
                "DOUBLE",
                "estimated number of training documents that contained it, from tokens that moved "
                "as far, if training documents are like the seed corpus",
            ),
            "n_estimated_low": ("DOUBLE", "lower end of its 90% range"),
            "n_estimated_high": ("DOUBLE", "upper end of its 90% range"),
        },
    ),
    "document_vocabulary": Table(
        "Which tokens rule out a document, truncated as in the audit; empty if no row is known to "
        "be unmoved.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "n_different": (
                "INTEGER NOT NULL",
                "number of its different ordinary tokens that training would have moved",
            ),
            "n_unmoved": ("INTEGER NOT NULL", "number of these that did not move"),
            "unmoved": ("INTEGER[] NOT NULL", "their numbers, as in `token_movement`"),
        },
    ),
    "embedding_scores": Table(
        "How far the rows of a document's tokens moved along its own gradients; empty if the "
        "strategy `embedding-match` was not used or the embeddings were not trained.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "score": (
                "DOUBLE NOT NULL",
                "the agreement minus a penalty for unmoved tokens; for a document that is ruled "
                "out, it depends on the number and share of these tokens",
            ),
            "agreement": (
                "DOUBLE",
                "from -1 to 1, the mean over its moved rows, in which rows of rare tokens count "
                "more; NULL for a document that is ruled out",
            ),
            "n_moved": (
                "INTEGER",
                "number of its different tokens whose rows moved; NULL likewise",
            ),
            "rests_on": ("DOUBLE", "effective number of rows behind the mean; NULL likewise"),
            "p_value": (
                "DOUBLE",
                "p-value against held-out documents; for evaluation only; NaN for these, and if "
                "none are known",
            ),
            "q_value": (
                "DOUBLE",
                "q-value: share of false positives among all documents that score at least as "
                "high; NaN likewise",
            ),
        },
    ),
    "titration_grid": Table(
        "What is located as more of the training documents leak into the pool.",
        {
            "leaked_share": ("DOUBLE NOT NULL", "share of the training documents in the pool"),
            "budget": ("INTEGER NOT NULL", "number of selected documents"),
            "strategy": ("VARCHAR NOT NULL", "a strategy, or `blind`"),
            "seed": ("INTEGER NOT NULL", "seed of the draw of leaked documents"),
            "metric": ("VARCHAR NOT NULL", "as in `metrics`"),
            "value": ("DOUBLE NOT NULL", "the measured value"),
            "low": ("DOUBLE", "lower end of its 95% interval"),
            "high": ("DOUBLE", "upper end of its 95% interval"),
            "ceiling": ("DOUBLE", "the best that was possible"),
            "null_value": ("DOUBLE", "what chance alone gives"),
            "p_value": ("DOUBLE", "of the value under chance"),
            "n": ("INTEGER NOT NULL", "how many documents the value is of"),
        },
        ("leaked_share", "budget", "strategy", "seed", "metric"),
    ),
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
