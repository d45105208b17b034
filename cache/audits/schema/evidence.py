"""Tables of the run, the model pair, and other evidence than selections."""

from __future__ import annotations

from assay.cache.audits.schema.block_columns import BLOCK
from assay.cache.files.tables import Table

EVIDENCE_TABLES = {
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
    "vocabulary_scores": Table(
        "How much of what fine-tuning taught a document holds; empty if no row is known to be "
        "unmoved.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "score": (
                "DOUBLE NOT NULL",
                "mean over its different ordinary tokens: how far the row moved (0 if it did "
                "not), times the logarithm of documents of the seed corpus for each that holds "
                "the token",
            ),
        },
    ),
    "embedding_gradients": Table(
        "Each document's gradient at the input embeddings, at the middle checkpoint; zero for a "
        "document that is ruled out. Empty where `embedding_scores` is.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "squared_norm": ("DOUBLE NOT NULL", "its squared norm"),
            "alignment": (
                "DOUBLE NOT NULL",
                "its inner product with base − final, in which unmoved rows are zero",
            ),
            "target_norm": ("DOUBLE NOT NULL", "norm of base − final, the same in every row"),
        },
    ),
    "embedding_factors": Table(
        "The same gradients, projected so that inner products among them are estimated, in order "
        "of `document_id`.",
        {"name": ("VARCHAR NOT NULL", "`projected`"), **BLOCK},
        ("name", "first_row"),
    ),
    "embedding_scores": Table(
        "How far the rows of a document's tokens moved along its own gradients; empty if the "
        "strategy `embedding-match` was not used or the embeddings were not trained.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "score": (
                "DOUBLE NOT NULL",
                "the agreement, plus 0.03 for each nat of surprise at its moved rows (at most 1), "
                "minus a penalty for unmoved tokens; for a document that is ruled out, it depends "
                "on the number and share of these tokens",
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
    "layer_scores": Table(
        "How far the linear layers of a language model moved along the gradients at a document's "
        "tokens; empty if the strategy `layer-match` was not used or no layer was trained.",
        {
            "document_id": ("INTEGER PRIMARY KEY", "as in `documents`"),
            "score": (
                "DOUBLE NOT NULL",
                "from -1 to 1, mean over its tokens, of which a single one counts for little more "
                "than its sign",
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
