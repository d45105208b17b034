"""The tables of an audit file. One statement a table; a comment where a column needs one."""

from __future__ import annotations

SCHEMA_VERSION = 7

TABLES = {
    # spec, title, created_at, label_names, assessment, headline facts: one JSON value a key
    "meta": "key VARCHAR PRIMARY KEY, value JSON NOT NULL",
    # the seed corpus, exact duplicates dropped, in reading order
    "documents": """document_id INTEGER PRIMARY KEY, text_hash VARCHAR NOT NULL UNIQUE,
        text VARCHAR NOT NULL, source VARCHAR NOT NULL, n_tokens INTEGER NOT NULL,
        in_reference BOOLEAN NOT NULL, n_prompt_characters INTEGER NOT NULL DEFAULT 0""",
    # the true fine-tuning data, when known; for evaluation only
    "reference_documents": """reference_id INTEGER PRIMARY KEY, text_hash VARCHAR NOT NULL,
        text VARCHAR NOT NULL, label INTEGER""",
    "test_documents": """test_id INTEGER PRIMARY KEY, text VARCHAR NOT NULL,
        label INTEGER, n_prompt_characters INTEGER NOT NULL DEFAULT 0""",
    # per document of the seed corpus: the final model's label (classification only), the base
    # model's loss (nats a target) and, at each checkpoint, the gradient's inner product with the
    # target and its squared norm; cosine is their mean cosine
    "scores": """document_id INTEGER PRIMARY KEY, pseudolabel SMALLINT,
        final_probability REAL, base_loss REAL NOT NULL,
        alignment DOUBLE[] NOT NULL, squared_norms DOUBLE[] NOT NULL, cosine DOUBLE NOT NULL""",
    # what products between gradients need, document_id ascending: errors and hidden states
    # (classification) or a random projection (float16 blocks, see cache/files/blocks.py)
    "factors": """checkpoint SMALLINT NOT NULL, name VARCHAR NOT NULL, first_row INTEGER NOT NULL,
        n_rows INTEGER NOT NULL, width INTEGER NOT NULL, scale BLOB NOT NULL, data BLOB NOT NULL,
        sha256 VARCHAR NOT NULL, PRIMARY KEY (checkpoint, name, first_row)""",
    # base - final of the last layer: its norm and, for classification, itself (float32, row-major)
    "targets": """checkpoint SMALLINT PRIMARY KEY, norm DOUBLE NOT NULL, n_rows INTEGER,
        n_columns INTEGER, data BLOB""",
    # rank from 0; weight = how much the document counts, 1 on average;
    # gain = rise of the objective (cosine) at this step
    "selections": """strategy VARCHAR NOT NULL, rank INTEGER NOT NULL,
        document_id INTEGER NOT NULL, gain DOUBLE, objective DOUBLE, weight DOUBLE NOT NULL,
        PRIMARY KEY (strategy, rank)""",
    # subject: a strategy, 'final' or 'base'; the interval is at `confidence`
    "metrics": """subject VARCHAR NOT NULL, metric VARCHAR NOT NULL, value DOUBLE NOT NULL,
        low DOUBLE, high DOUBLE, confidence DOUBLE, n INTEGER, ceiling DOUBLE,
        null_value DOUBLE, null_low DOUBLE, null_high DOUBLE, null_kind VARCHAR, p_value DOUBLE,
        method VARCHAR NOT NULL, PRIMARY KEY (subject, metric)""",
    # one row an epoch of each student; is_best: the epoch it was kept as
    "student_epochs": """strategy VARCHAR NOT NULL, epoch INTEGER NOT NULL,
        train_loss DOUBLE NOT NULL, validation_loss DOUBLE, is_best BOOLEAN NOT NULL,
        PRIMARY KEY (strategy, epoch)""",
    # set_name: 'seed-corpus' (item_id = document_id) or 'reference' (item_id = reference_id)
    "embeddings": """set_name VARCHAR NOT NULL, first_row INTEGER NOT NULL,
        n_rows INTEGER NOT NULL, width INTEGER NOT NULL, scale BLOB NOT NULL, data BLOB NOT NULL,
        sha256 VARCHAR NOT NULL, PRIMARY KEY (set_name, first_row)""",
    # the cosine that random selections of so many documents reach, mean and central 95%
    "random_objective": """n_selected INTEGER PRIMARY KEY, mean DOUBLE NOT NULL,
        low DOUBLE NOT NULL, high DOUBLE NOT NULL""",
    # pairs with a Jaccard index of at least 0.8 between runs of three words, exact ones too
    "near_duplicates": """document_id INTEGER NOT NULL, reference_id INTEGER NOT NULL,
        jaccard DOUBLE NOT NULL, PRIMARY KEY (document_id, reference_id)""",
    # a metric of n true documents of which a share is replaced by others of the pool: 'pool' (any
    # outside the reference set) or 'held-out'; mean, lowest and highest of n_draws
    "replacement_curve": """metric VARCHAR NOT NULL, replaced_by VARCHAR NOT NULL,
        replaced_share DOUBLE NOT NULL, mean DOUBLE NOT NULL, low DOUBLE NOT NULL,
        high DOUBLE NOT NULL, n INTEGER NOT NULL, n_draws INTEGER NOT NULL,
        method VARCHAR NOT NULL, PRIMARY KEY (metric, replaced_by, replaced_share)""",
    # places in the plane, one space for both sets; set_name and item_id as in embeddings
    "map_points": """set_name VARCHAR NOT NULL, item_id INTEGER NOT NULL, x REAL NOT NULL,
        y REAL NOT NULL, PRIMARY KEY (set_name, item_id)""",
    # what was done, in order, and how long it took
    "stages": """name VARCHAR PRIMARY KEY, position INTEGER NOT NULL,
        started_at VARCHAR NOT NULL, duration_s DOUBLE NOT NULL""",
    # how each tensor changed from base to final, in the model's order; see
    # core/gradients/weight_difference.py for the columns
    "layers": """position INTEGER PRIMARY KEY, name VARCHAR NOT NULL, n_entries BIGINT NOT NULL,
        base_norm DOUBLE NOT NULL, difference_norm DOUBLE NOT NULL, cosine DOUBLE NOT NULL,
        share_changed DOUBLE NOT NULL, floor_norm DOUBLE NOT NULL, rank_90 INTEGER NOT NULL,
        full_rank INTEGER NOT NULL, spectrum DOUBLE[] NOT NULL, decay_correlation DOUBLE NOT NULL,
        flatness DOUBLE NOT NULL""",
    # facts about the two models and their difference
    "model_facts": """model VARCHAR NOT NULL, fact VARCHAR NOT NULL, value JSON NOT NULL,
        PRIMARY KEY (model, fact)""",
    # how groups of documents explain the difference; kind: 'source' or 'class' (name: its number).
    # cosine: of the group's mean gradient with the target; null: groups of the same sizes drawn
    # from all; share: of the non-negative mixture; centroid_share: in proportion to the cosines
    "groups": """kind VARCHAR NOT NULL, name VARCHAR NOT NULL, n_documents INTEGER NOT NULL,
        cosine DOUBLE NOT NULL, low DOUBLE NOT NULL, high DOUBLE NOT NULL,
        null_low DOUBLE NOT NULL, null_high DOUBLE NOT NULL, share DOUBLE NOT NULL,
        share_low DOUBLE NOT NULL, share_high DOUBLE NOT NULL, centroid_share DOUBLE NOT NULL,
        true_share DOUBLE, PRIMARY KEY (kind, name)""",
    # cosine: of a source's other half with the difference of a model trained on one half
    "source_students": """source VARCHAR NOT NULL, seed INTEGER NOT NULL,
        n_documents INTEGER NOT NULL, cosine DOUBLE NOT NULL, PRIMARY KEY (source, seed)""",
    # what text alone says of a document, from a classifier that never saw it
    "blind_scores": """document_id INTEGER PRIMARY KEY, p_trained DOUBLE NOT NULL,
        p_held_out DOUBLE NOT NULL""",
    # how likely a document was trained on by every method that ranks them, higher is likelier;
    # scorer: a membership baseline, a strategy (its natural score) or 'blind'
    "membership_scores": """document_id INTEGER NOT NULL, scorer VARCHAR NOT NULL,
        score DOUBLE NOT NULL, PRIMARY KEY (scorer, document_id)""",
    # leaked_share: of the trained documents; strategy may also be 'blind'
    "titration_grid": """leaked_share DOUBLE NOT NULL, budget INTEGER NOT NULL,
        strategy VARCHAR NOT NULL, seed INTEGER NOT NULL, metric VARCHAR NOT NULL,
        value DOUBLE NOT NULL, low DOUBLE, high DOUBLE, ceiling DOUBLE, null_value DOUBLE,
        p_value DOUBLE, n INTEGER NOT NULL,
        PRIMARY KEY (leaked_share, budget, strategy, seed, metric)""",
}
