"""Audit files that hold all a titration needs: gradients, text alone's scores, embeddings, grid."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from support.audit_file import write_sample_audit
from support.sealed_once import sealed_once

from assay.core.audit.context import AuditContext
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.audit.stages.membership import judge_members, score_baselines
from assay.core.audit.stages.titration import measure_grid
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import AuditSpec, TitrationSpec
from assay.core.specs.data import DataRef
from assay.core.specs.metrics import Metric
from assay.core.specs.plain import to_plain
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import StudentAdapter, TrainingSpec

GRID = TitrationSpec((0.0, 0.5, 1.0), (20, 40), 2)


@sealed_once
def write_sample_titration(
    store,
    audit_id="titrated",
    grid=GRID,
    n_documents=400,
    pair=None,
    seed=0,
    students=None,
    beside=None,
    **more,
):
    """A sample audit with random gradients; ``grid`` None makes an ordinary audit of it, which may
    measure a grid at leaked shares ``beside``.
    ``pair``: the digests of its models' weights; ``seed``: the one asked with; ``students``: how
    those were trained that each cell of the grid then has."""
    spec = AuditSpec(
        base="base",
        final="final",
        seed_corpus=(DataRef("pool.parquet"),),
        budget=20,
        strategies=(Strategy.RANDOM, Strategy.P_MIN, Strategy.SELECT),
        reference=DataRef("train.parquet", label_column="label"),
        held_out_source="held-out",
        title="Sample titration",
        titration=grid,
        leaked_shares=beside,
        seed=seed,
        student_adapter=students or StudentAdapter.NONE,
    )

    def enrich(builder):
        rng = np.random.default_rng(5)
        with builder.stage("gradients"):
            for name, width in (("errors", 4), ("hidden", 12)):
                matrix = rng.normal(size=(n_documents, width)).astype("f")
                builder.write_matrix("factors", {"checkpoint": 0, "name": name}, matrix)
            target = rng.normal(size=(4, 12)).astype("f")
            builder.write_target(0, float(np.linalg.norm(target)), target)
            for name, n in (("seed-corpus", n_documents), ("reference", 50)):
                vectors = rng.normal(size=(n, 8)).astype("f")
                builder.write_matrix("embeddings", {"set_name": name}, vectors)
            trained, held_out = rng.random((2, n_documents)) / 2
            columns = {"p_trained": trained, "p_held_out": held_out}
            builder.write("blind_scores", {"document_id": np.arange(n_documents), **columns})
        builder.put_meta("spec", to_plain(spec))
        builder.put_meta("provenance", {**builder.meta("provenance"), **(pair or {})})
        question = ResolvedAudit(
            spec=spec,
            base=Path(),
            final=Path(),
            training=TrainingSpec(),
            training_source="default",
            base_sha256="",
            final_sha256="",
            settings_sha256="",
            data_sha256={},
            compute=Compute("cpu", False, 1),
        )
        audit = AuditContext(question, builder, store, SilentProgress())
        score_baselines(audit, None)
        judge_members(audit)
        measure_grid(audit)
        if students:
            with builder.stage("students"):
                _write_accuracies(builder, grid, spec.strategies)

    return write_sample_audit(
        store,
        audit_id,
        n_documents,
        budget=20,
        title="Sample titration",
        before_seal=enrich,
        **more,
    )


def _write_accuracies(builder, grid, strategies):
    cells = list(product(grid.leaked_shares, grid.budgets, strategies, range(grid.n_seeds)))
    shares, budgets, names, seeds = zip(*cells, strict=True)
    nothing = dict.fromkeys(("ceiling", "null_value", "p_value"), [None] * len(cells))
    values = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100, "metric": str(Metric.ACCURACY)}
    builder.write(
        "titration_grid",
        {
            "leaked_share": shares,
            "budget": budgets,
            "seed": seeds,
            "strategy": list(map(str, names)),
            **{name: [value] * len(cells) for name, value in values.items()},
            **nothing,
        },
    )
