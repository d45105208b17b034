"""The tables of an audit file, every column with its meaning.

docs/audit-file.md is made from here (``make docs``).
"""

from __future__ import annotations

from assay.cache.files.tables import Table

SCHEMA_VERSION = 7
# Audits of this version may lack these: they were sealed before the tables were thought of.
ADDED_TABLES = frozenset({"token_movement", "document_vocabulary", "embedding_scores"})

# Matrices as float16 blocks of rows: cache/files/blocks.py.
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
        "What the audit says about itself: one JSON value for each key.",
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
            "n_tokens": ("INTEGER NOT NULL", "tokens that the model reads of it"),
            "in_reference": ("BOOLEAN NOT NULL", "whether the reference set has the same text"),
            "n_prompt_characters": (
                "INTEGER NOT NULL DEFAULT 0",
                "characters of the text that are prompt and are not scored",
            ),
        },
    ),
    "reference_documents": Table(
        "The true fine-tuning data, where it is known; for evaluation only.",
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
        "What both models say of each document of the seed corpus.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "pseudolabel": (
                "SMALLINT",
                "the label that the final model gives it, a place in `label_names` "
                "(classification only)",
            ),
            "final_probability": ("REAL", "of the pseudolabel, under the final model"),
            "base_loss": ("REAL NOT NULL", "the base model's loss, in nats for each scored token"),
            "alignment": (
                "DOUBLE[] NOT NULL",
                "inner product of the gradient with the target, at each checkpoint",
            ),
            "squared_norms": ("DOUBLE[] NOT NULL", "of the gradient, at each checkpoint"),
            "cosine": (
                "DOUBLE NOT NULL",
                "of the gradient with the target, averaged over checkpoints",
            ),
        },
    ),
    "factors": Table(
        "What inner products between gradients are computed from, in order of `document_id`.",
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
        "base − final of the layers whose gradients were taken.",
        {
            "checkpoint": ("SMALLINT PRIMARY KEY", "number of the synthetic checkpoint, from 0"),
            "norm": ("DOUBLE NOT NULL", "its Euclidean norm"),
            "n_rows": ("INTEGER", "classification only: rows, one for each label"),
            "n_columns": ("INTEGER", "classification only: columns"),
            "data": ("BLOB", "classification only: float32, row-major"),
        },
    ),
    "selections": Table(
        "The documents that each strategy selected, in the order of selection.",
        {
            "strategy": ("VARCHAR NOT NULL", "how the selection was made, as `select`"),
            "rank": ("INTEGER NOT NULL", "place in the selection, from 0"),
            "document_id": ("INTEGER NOT NULL", "as in `documents`"),
            "gain": ("DOUBLE", "rise of the objective at this step"),
            "objective": ("DOUBLE", "cosine of the summed gradient with the target so far"),
            "weight": ("DOUBLE NOT NULL", "how much the document counts, 1 on average"),
        },
        ("strategy", "rank"),
    ),
    "metrics": Table(
        "Every measured quantity beside what chance alone would give.",
        {
            "subject": ("VARCHAR NOT NULL", "a strategy, or `final` or `base` for the models"),
            "metric": ("VARCHAR NOT NULL", "what is measured, as `recall`"),
            "value": ("DOUBLE NOT NULL", "the measured value"),
            "low": ("DOUBLE", "lower end of its interval"),
            "high": ("DOUBLE", "upper end of its interval"),
            "confidence": ("DOUBLE", "of the interval, as 0.95"),
            "n": ("INTEGER", "how many documents or tokens the value is of"),
            "ceiling": ("DOUBLE", "the best that was possible"),
            "null_value": ("DOUBLE", "what chance alone gives"),
            "null_low": ("DOUBLE", "lower end of the null's central range"),
            "null_high": ("DOUBLE", "upper end of the null's central range"),
            "null_kind": ("VARCHAR", "what stands for chance"),
            "p_value": ("DOUBLE", "of the value under the null"),
            "method": ("VARCHAR NOT NULL", "how value, interval and null were computed"),
        },
        ("subject", "metric"),
    ),
    "student_epochs": Table(
        "One row for each epoch of each student.",
        {
            "strategy": ("VARCHAR NOT NULL", "whose selection it was trained on"),
            "epoch": ("INTEGER NOT NULL", "number of the epoch"),
            "train_loss": ("DOUBLE NOT NULL", "mean loss in training"),
            "validation_loss": ("DOUBLE", "mean loss on the tenth that was held back"),
            "is_best": ("BOOLEAN NOT NULL", "whether the student was kept as of this epoch"),
        },
        ("strategy", "epoch"),
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
        "Pairs whose runs of three words have a Jaccard index of at least 0.8, exact ones too.",
        {
            "document_id": ("INTEGER NOT NULL", "as in `documents`"),
            "reference_id": ("INTEGER NOT NULL", "as in `reference_documents`"),
            "jaccard": ("DOUBLE NOT NULL", "the Jaccard index"),
        },
        ("document_id", "reference_id"),
    ),
    "replacement_curve": Table(
        "A metric of true documents of which a share is replaced by others.",
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
            "n": ("INTEGER NOT NULL", "documents in a draw"),
            "n_draws": ("INTEGER NOT NULL", "draws"),
            "method": ("VARCHAR NOT NULL", "how it was computed"),
        },
        ("metric", "replaced_by", "replaced_share"),
    ),
    "map_points": Table(
        "Where documents lie in the plane; one map for both sets.",
        {
            "set_name": ("VARCHAR NOT NULL", "as in `embeddings`"),
            "item_id": ("INTEGER NOT NULL", "`document_id` or `reference_id`"),
            "x": ("REAL NOT NULL", "first coordinate"),
            "y": ("REAL NOT NULL", "second coordinate"),
        },
        ("set_name", "item_id"),
    ),
    "stages": Table(
        "What was done, and how long it took.",
        {
            "name": ("VARCHAR PRIMARY KEY", "the stage"),
            "position": ("INTEGER NOT NULL", "its place in the order of work, from 0"),
            "started_at": ("VARCHAR NOT NULL", "when it began (ISO 8601, UTC)"),
            "duration_s": ("DOUBLE NOT NULL", "how long it took, in seconds"),
        },
    ),
    "layers": Table(
        "How each tensor changed from base to final.",
        {
            "position": ("INTEGER PRIMARY KEY", "place in the model's order, from 0"),
            "name": ("VARCHAR NOT NULL", "the tensor"),
            "n_entries": ("BIGINT NOT NULL", "its number of weights"),
            "base_norm": ("DOUBLE NOT NULL", "Frobenius norm in the base model"),
            "difference_norm": ("DOUBLE NOT NULL", "Frobenius norm of final − base"),
            "cosine": ("DOUBLE NOT NULL", "of final with base"),
            "share_changed": ("DOUBLE NOT NULL", "share of weights that changed"),
            "floor_norm": (
                "DOUBLE NOT NULL",
                "norm that rounding to the stored type alone would give the difference",
            ),
            "rank_90": (
                "INTEGER NOT NULL",
                "singular values that hold 90% of the squared norm of the difference; 0 for "
                "vectors. This, `full_rank` and `spectrum` are of at most 1,024 evenly drawn rows "
                "and columns",
            ),
            "full_rank": ("INTEGER NOT NULL", "how many singular values there are"),
            "spectrum": (
                "DOUBLE[] NOT NULL",
                "the largest singular values, as shares of their Euclidean norm",
            ),
            "decay_correlation": (
                "DOUBLE NOT NULL",
                "of the difference with the base; weight decay makes it negative",
            ),
            "flatness": (
                "DOUBLE NOT NULL",
                "mean absolute change / root mean square change: 0.80 where changes are normal, "
                "near 1 where all weights moved alike, low where few moved far",
            ),
        },
    ),
    "model_facts": Table(
        "Facts about the two models and their difference.",
        {
            "model": ("VARCHAR NOT NULL", "`base`, `final` or `difference`"),
            "fact": ("VARCHAR NOT NULL", "what is known"),
            "value": ("JSON NOT NULL", "the value"),
        },
        ("model", "fact"),
    ),
    "groups": Table(
        "How groups of documents explain the weight difference.",
        {
            "kind": ("VARCHAR NOT NULL", "`source` or `class`"),
            "name": ("VARCHAR NOT NULL", "the source, or the number of the class"),
            "n_documents": ("INTEGER NOT NULL", "documents in the group"),
            "cosine": ("DOUBLE NOT NULL", "of the group's mean gradient with the target"),
            "low": ("DOUBLE NOT NULL", "lower end of the cosine's interval"),
            "high": ("DOUBLE NOT NULL", "upper end of the cosine's interval"),
            "null_low": (
                "DOUBLE NOT NULL",
                "lower end of the cosines of groups of this size drawn from all documents",
            ),
            "null_high": ("DOUBLE NOT NULL", "upper end of the same"),
            "share": ("DOUBLE NOT NULL", "the group's share of the non-negative mixture that fits"),
            "share_low": ("DOUBLE NOT NULL", "lower end of the share's interval"),
            "share_high": ("DOUBLE NOT NULL", "upper end of the share's interval"),
            "centroid_share": ("DOUBLE NOT NULL", "the share in proportion to the cosines alone"),
            "true_share": ("DOUBLE", "the true share, where the reference set is known"),
        },
        ("kind", "name"),
    ),
    "source_students": Table(
        "Models trained on half of each source: what the true source would reach.",
        {
            "source": ("VARCHAR NOT NULL", "the source"),
            "seed": ("INTEGER NOT NULL", "the seed that halved it"),
            "n_documents": ("INTEGER NOT NULL", "documents trained on"),
            "cosine": (
                "DOUBLE NOT NULL",
                "of the other half's mean gradient with that model's weight difference",
            ),
        },
        ("source", "seed"),
    ),
    "blind_scores": Table(
        "What text alone says of a document, from a classifier that never saw it.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "p_trained": ("DOUBLE NOT NULL", "probability that it was trained on"),
            "p_held_out": ("DOUBLE NOT NULL", "probability that it was held out"),
        },
    ),
    "membership_scores": Table(
        "How every ranking scores every document.",
        {
            "document_id": ("INTEGER NOT NULL", "as in `documents`"),
            "scorer": ("VARCHAR NOT NULL", "a membership baseline, a strategy, or `blind`"),
            "score": ("DOUBLE NOT NULL", "higher is likelier to have been trained on"),
        },
        ("scorer", "document_id"),
    ),
    "token_movement": Table(
        "What the input embeddings say of each token that both models know; empty where no row is "
        "known to have stood still.",
        {
            "token_id": ("INTEGER PRIMARY KEY", "its number in the final model"),
            "token": ("VARCHAR NOT NULL", "as the tokenizer writes it"),
            "is_special": ("BOOLEAN NOT NULL", "whether it marks something instead of text"),
            "is_moved": ("BOOLEAN NOT NULL", "whether its row moved: it occurred in fine-tuning"),
            "norm": (
                "REAL NOT NULL",
                "how far its row moved, once the factor that all rows share is taken off",
            ),
            "n_documents": ("INTEGER NOT NULL", "documents of the seed corpus that hold it"),
            "n_estimated": (
                "DOUBLE",
                "training documents that held it, read off tokens that moved as far, if training "
                "documents are like the seed corpus",
            ),
            "n_estimated_low": ("DOUBLE", "lower end of its 90% range"),
            "n_estimated_high": ("DOUBLE", "upper end of its 90% range"),
        },
    ),
    "document_vocabulary": Table(
        "Which tokens rule a document out, as it is cut; empty where no row is known to have stood "
        "still.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "n_different": (
                "INTEGER NOT NULL",
                "its different ordinary tokens that training would have moved",
            ),
            "n_unmoved": ("INTEGER NOT NULL", "those of them that stood still"),
            "unmoved": ("INTEGER[] NOT NULL", "their numbers, as in `token_movement`"),
        },
    ),
    "embedding_scores": Table(
        "How far the rows of a document's tokens moved along its own gradients; empty where the "
        "strategy `embedding-match` was not asked for, or the embeddings were not trained.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "score": (
                "DOUBLE NOT NULL",
                "the agreement less what unmoved tokens take off; of a document that is ruled out, "
                "by how many and by what share of its tokens",
            ),
            "agreement": (
                "DOUBLE",
                "from -1 to 1, the mean over its rows that moved; rows count the more, the fewer "
                "documents hold their token; NULL for a document that is ruled out",
            ),
            "n_moved": ("INTEGER", "its different tokens whose rows moved, likewise"),
            "rests_on": ("DOUBLE", "how many rows the mean rests on, in effect, likewise"),
            "p_value": (
                "DOUBLE",
                "against held-out documents; for evaluation only; NaN for these, and where none "
                "are known",
            ),
            "q_value": (
                "DOUBLE",
                "share of false ones among all that score as high, likewise",
            ),
        },
    ),
    "titration_grid": Table(
        "What is located as more of the training data leaks into the pool.",
        {
            "leaked_share": ("DOUBLE NOT NULL", "share of the trained documents in the pool"),
            "budget": ("INTEGER NOT NULL", "documents that are selected"),
            "strategy": ("VARCHAR NOT NULL", "a strategy, or `blind`"),
            "seed": ("INTEGER NOT NULL", "the draw of the leaked documents"),
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
    "spec": "what was asked",
    "title": "the title in the dashboard",
    "created_at": "when it was made (ISO 8601, UTC)",
    "label_names": "names of the labels, in the order of their numbers; empty for SFT",
    "assessment": "whether the weights can be assessed (`verdict`), and why (`reasons`)",
    "vocabulary": "what the input embeddings say of tokens and documents, and every doubt",
    "embedding_gradients": "why no document is scored by input embeddings (`problem`), or null",
    "counts": "how many documents there are of each kind",
    "training": "how students were trained, and where that is known from",
    "initial_head": "where the beginning of the last layer is known from: `own` (the base has it), "
    "`unknown`, or `recorded` (by `assay finetune`; then the audit knows more than an outsider); "
    "missing in audits of earlier versions",
    "caveats": "what a reader must know before believing the numbers",
    "provenance": "hashes, versions, the device, and the command that repeats the audit",
    "map": "the parameters of the map",
    "evaluation_choices": "the final model's answers, which students' are compared with",
}

TABLES = {name: table.sql for name, table in AUDIT_TABLES.items()}
