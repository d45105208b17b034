"""Audit files to compare: the sample audit with rankings and students whose merit is known."""

from __future__ import annotations

from functools import partial

import numpy as np
from support.audit_file import write_sample_audit

from assay.core.specs.data import DataRef
from assay.core.specs.plain import to_plain
from assay.core.specs.strategies import Baseline, Strategy

N_TEST = 200
# The texts follow from the id's length and the number of documents together: where that is equal,
# so are the 350 texts that both have.
FIRST, TWIN = ("sample", 400), ("sample-" + 49 * "x", 350)


def write_compared(store, audit_id="sample", n_documents=400, gain=0.0, able=0.0, seed=0, **more):
    """A sample audit with its held-out half, one informative ranking and students.

    ``gain``: by how much training documents score higher; ``able``: how good the students of
    SELECT are beyond random ones.
    """
    finish = partial(_finish, gain=gain, able=able, seed=seed)
    return write_sample_audit(store, audit_id, n_documents=n_documents, before_seal=finish, **more)


def _finish(builder, gain, able, seed):
    test = to_plain(DataRef("test.parquet", label_column="label"))
    builder.put_meta("spec", {**builder.meta("spec"), "held_out_source": "held-out", "test": test})
    roles, n = builder.rows.roles("held-out"), builder.rows.n_documents()
    # What both audits see of a document, and what only one does.
    common = np.random.default_rng(99).normal(size=1000)[:n]
    own = np.random.default_rng(seed).normal(size=(2, 1000))[:, :n]
    for scorer, by_role in ((Strategy.SELECT, 0.0), (Baseline.CONFIDENCE_GAIN, gain)):
        noise = own[int(scorer != Strategy.SELECT)]
        builder.write(
            "membership_scores",
            {
                "document_id": np.arange(n),
                "scorer": [str(scorer)] * n,
                "score": 0.8 * common + 0.6 * noise + by_role * roles.is_trained,
            },
        )
    _write_students(builder, able, seed)


def _write_students(builder, able, seed):
    builder.write(
        "test_documents",
        {
            "test_id": range(N_TEST),
            "text": [f"test document {number}" for number in range(N_TEST)],
            "label": [number % 4 for number in range(N_TEST)],
        },
    )
    rng = np.random.default_rng(seed + 1)
    hard = np.random.default_rng(98).normal(size=N_TEST)
    for name in (Strategy.SELECT, "random", "random #2", "random #3", "random #4", "random #5"):
        skill = able * (name == Strategy.SELECT)
        is_right = hard + 0.3 * rng.normal(size=N_TEST) < skill
        builder.write(
            "student_outcomes",
            {
                "student": [str(name)] * N_TEST,
                "document": range(N_TEST),
                "outcome": is_right.astype(float),
                "n_targets": [1] * N_TEST,
            },
        )
