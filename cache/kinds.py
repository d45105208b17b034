"""Declares every kind of sealed file that ``cache.files`` may read."""

from __future__ import annotations

from assay.cache.audits import schema as audits
from assay.cache.decompressions import schema as decompressions
from assay.cache.diffs import schema as diffs
from assay.cache.experiments import schema as experiments
from assay.cache.files.kinds import Kind, declare

declare(
    Kind("audit", audits.TABLES, audits.SCHEMA_VERSION, frozenset(audits.ADDED_TABLES)),
    Kind("experiment", experiments.EXPERIMENT_TABLES, experiments.EXPERIMENT_SCHEMA_VERSION),
    Kind("decompression", decompressions.TABLES, decompressions.SCHEMA_VERSION),
    Kind("diff", diffs.DIFF_TABLES, diffs.DIFF_SCHEMA_VERSION),
)
