"""Experiments written the way a run writes them, with figures made up here."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from support.sealed_once import sealed_once

from assay.cache.experiments.read import ExperimentBuilder
from assay.core.experiments.catalogue import catalogue_of
from assay.core.experiments.paper_results import reference_rows
from assay.core.experiments.recipes import load_recipe
from assay.core.specs.experiment import Scale
from assay.core.specs.metrics import Metric


@sealed_once
def write_sample_experiment(
    store, name, n_seeds=3, is_built_in=False, left_out=(), audit_ids=("sample",), drawn=()
):
    """Wherever the authors report a figure, ours a little worse, ±0.02 from seed to seed.

    drawn: subjects that had nothing to rank by in any setting of the first panel.
    """
    recipe = load_recipe(name)
    rows = []
    for row in reference_rows(name):
        if row.metric not in recipe.metrics or row.panel in left_out:
            continue
        worse = 1.05 if Metric(row.metric).info.is_lower_better else 0.95
        for seed in range(n_seeds):
            value = row.value * worse + 0.02 * (seed - (n_seeds - 1) / 2)
            rows.append((row, seed, value))
            if row.subject == "select" and name in ("ot-sensitivity", "seed-corpus"):
                rows.append((replace(row, subject="random"), seed, value))
    first = [row for row, *_ in rows if row.panel == rows[0][0].panel]
    settings = {(r.variant, r.x, r.subject): r for r in first if r.subject in drawn}
    rows += [(replace(row, metric=Metric.EQUAL_SCORES), 0, 1.0) for row in settings.values()]
    builder = ExperimentBuilder(store, f"{name}-small-{n_seeds}{int(is_built_in)}")
    with builder.stage("all cells"):
        builder.write(
            "measurements",
            {
                **{
                    key: [getattr(row, key) for row, _, _ in rows]
                    for key in ("panel", "variant", "subject", "metric")
                },
                "x": pa.array([row.x for row, _, _ in rows], pa.float64()),
                "seed": [seed for _, seed, _ in rows],
                "value": [value for _, _, value in rows],
                "audit_id": [audit_ids[n % len(audit_ids)] for n in range(len(rows))],
            },
        )
    known = catalogue_of(Scale.SMALL if is_built_in else Scale.PAPER, None, store.data)
    titles = {key: one.title for key, one in known.sets.items()}
    facts = {
        "recipe": name,
        "title": recipe.title,
        "scale": "small",
        "n_seeds": n_seeds,
        "is_built_in": is_built_in,
        "names": titles | {key: one.title for key, one in known.models.items()},
        "left_out": list(left_out),
        "created_at": f"2026-11-21T12:00:0{n_seeds}+00:00",
        "provenance": {"device": "cpu", "precision": "fp32"},
    }
    for key, value in facts.items():
        builder.put_meta(key, value)
    return builder.seal()
