"""The tables of an experiment's file: one statement per table, a comment where needed."""

from __future__ import annotations

EXPERIMENT_SCHEMA_VERSION = 1

EXPERIMENT_TABLES = {
    # recipe, title, scale, n_seeds, names, left_out, provenance: one JSON value per key
    "meta": "key VARCHAR PRIMARY KEY, value JSON NOT NULL",
    # one value of one cell and seed, and the audit it came from; subject as in an audit's metrics.
    # panel, variant and x: see core/experiments/recipes.py; x is NULL if the recipe has none
    "measurements": """panel VARCHAR NOT NULL, variant VARCHAR NOT NULL, x DOUBLE,
        subject VARCHAR NOT NULL, metric VARCHAR NOT NULL, seed INTEGER NOT NULL,
        value DOUBLE NOT NULL, audit_id VARCHAR NOT NULL,
        UNIQUE (panel, variant, x, subject, metric, seed)""",
    # one row per cell, in the order of measurement, and how long it took
    "stages": """name VARCHAR PRIMARY KEY, position INTEGER NOT NULL,
        started_at VARCHAR NOT NULL, duration_s DOUBLE NOT NULL""",
}
