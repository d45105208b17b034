"""Tables of documents, their gradients and the selections made from them."""

from __future__ import annotations

from assay.cache.audits.schema.block_columns import BLOCK
from assay.cache.files.tables import Table

DOCUMENT_TABLES = {
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
            **BLOCK,
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
}
