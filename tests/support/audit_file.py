"""Audit files of any size for the pages, written through the real writer."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch
from support.audit_metrics import model_metrics, strategy_metrics
from support.sealed_once import sealed_once

from assay.cache.audits.rows import Roles
from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.metrics.rows import write_metrics
from assay.core.gradients.weight_difference import layer_difference
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import text_hash
from assay.core.specs.plain import to_plain
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import TrainingSpec

LABELS = ["business", "science & tech", "sport", "world"]
_WORDS = """
market goal minister engine season price telescope election striker shares orbit court
profit coach treaty processor match budget comet league parliament chip dividend keeper
"""
WORDS = _WORDS.split()
N_REFERENCE = 80
HOSTILE = (
    "<script>alert('x')</script> [click](javascript:alert(1)) $\\LaTeX$ :material/delete: "
    "![](http://127.0.0.1/x.png) **bold** <b>big</b> =1+1"
)


ASSESSMENT = {
    "verdict": "assessable",
    "reasons": ["The base fits the final model, and the last layer moved 900 times as far."],
    "hints": ["100% of all weights changed."],
}


@sealed_once
def write_sample_audit(
    store,
    audit_id="sample",
    n_documents=400,
    budget=60,
    has_truth=True,
    title="Sample audit",
    label_names=LABELS,
    hostile_rank=None,
    assessment=ASSESSMENT,
    before_seal=lambda builder: None,
):
    """An audit with every table the pages read; deterministic.

    ``before_seal`` may add to what the builder holds.
    """
    rng = np.random.default_rng(len(audit_id) + n_documents)
    builder = AuditBuilder(store, audit_id)
    with builder.stage("documents"):
        texts = [
            f"{' '.join(rng.choice(WORDS, 18))}, item {number}." for number in range(n_documents)
        ]
        if hostile_rank is not None:
            texts[hostile_rank] = HOSTILE
        in_reference = (rng.random(n_documents) < 0.1) & has_truth
        n_leaked = int(in_reference.sum())
        source = np.where(in_reference, "leaked", rng.choice(["held-out", "web <i>"], n_documents))
        n_held_out = int((source == "held-out").sum())
        roles = Roles(in_reference, source == "held-out")
        builder.write(
            "documents",
            {
                "document_id": np.arange(n_documents),
                "text_hash": [text_hash(text) for text in texts],
                "text": texts,
                "source": source.tolist(),
                "n_tokens": rng.integers(10, 48, n_documents),
                "in_reference": in_reference,
            },
        )
        builder.write(
            "scores",
            {
                "document_id": np.arange(n_documents),
                "pseudolabel": rng.integers(0, len(label_names), n_documents)
                if label_names
                else [None] * n_documents,
                "final_probability": rng.random(n_documents),
                "base_loss": rng.random(n_documents) * 2,
                "alignment": list(rng.normal(size=(n_documents, 1))),
                "squared_norms": list(rng.random((n_documents, 1))),
                "cosine": rng.normal(size=n_documents) / 10,
            },
        )
    with builder.stage("selections"):
        for number, strategy in enumerate(Strategy):
            order = np.random.default_rng(number).permutation(n_documents)[:budget]
            if hostile_rank is not None and hostile_rank not in order:
                order[0] = hostile_rank
            objective = np.cumsum(rng.random(budget)) / budget
            builder.write(
                "selections",
                {
                    "strategy": [str(strategy)] * budget,
                    "rank": np.arange(budget),
                    "document_id": order,
                    "gain": np.diff(objective, prepend=0),
                    "objective": objective,
                    "weight": np.ones(budget),
                },
            )
            write_metrics(builder, strategy_metrics(strategy, order, roles))
        write_random_objective(builder, budget)
        if has_truth:
            write_truth(builder, texts, n_documents, len(label_names))
            write_metrics(builder, model_metrics())
    write_layers(builder)
    with builder.stage("map"):
        write_map(builder, n_documents, N_REFERENCE if has_truth else 0)
    reference = DataRef("train.parquet", label_column="label") if has_truth else None
    spec = AuditSpec(
        "base", "final", (DataRef("pool.parquet"),), budget=budget, title=title, reference=reference
    )
    meta = {
        "spec": to_plain(spec),
        "title": title,
        "assessment": assessment,
        "created_at": "2026-11-20T12:34:56+00:00",
        "label_names": list(label_names),
        "counts": {
            "n_documents": n_documents,
            "n_duplicates_dropped": 3,
            "n_reference": N_REFERENCE if has_truth else 0,
            "n_leaked": n_leaked,
            "n_held_out": n_held_out,
            "n_test": 900,
        },
        "caveats": ["One random seed: student accuracies also vary with the seed."],
        "training": {**to_plain(TrainingSpec()), "source": "default"},
        "provenance": {
            "assay_version": "0.1.0",
            "commit": None,
            "packages": {"torch": "2.13.0"},
            "n_null_draws": 599,
            "command": "assay audit --base base --final final",
        },
    }
    for key, value in meta.items():
        builder.put_meta(key, value)
    before_seal(builder)
    return builder.seal()


def write_layers(builder):
    """Three tensors of a model, one of them unchanged, with the facts about the whole."""
    generator = torch.Generator().manual_seed(0)
    layers = []
    for name, shape, scale in (
        ("first", (40, 16), 0.01),
        ("norm", (16,), 0.0),
        ("head", (4, 16), 0.1),
    ):
        base = torch.randn(shape, generator=generator)
        final = base + scale * torch.randn(shape, generator=generator)
        layers.append(asdict(layer_difference(name, base, final, torch.float32)))
    builder.write(
        "layers",
        {
            "position": range(len(layers)),
            **{column: [layer[column] for layer in layers] for column in layers[0]},
        },
    )
    facts = {
        "n_tensors": 3,
        "n_tensors_changed": 2,
        "n_parameters": 720,
        "n_parameters_changed": 704,
        "relative_change": 0.02,
        "lineage_cosine": 0.9998,
        "scored_part": "the last layer",
        "scored_change": 0.8,
        "scored_floor": 1e-7,
    }
    for fact, value in facts.items():
        builder.put_fact("difference", fact, value)
    for model in ("base", "final"):
        builder.put_fact(model, "precision", "float32")


def write_random_objective(builder, budget):
    sizes = np.arange(1, budget + 1)
    mean = 0.05 + 0.1 * sizes / budget
    builder.write(
        "random_objective",
        {"n_selected": sizes, "mean": mean, "low": mean - 0.02, "high": mean + 0.02},
    )


def write_truth(builder, pool, n_documents, n_labels):
    """Reference documents, a few of them near duplicates of the pool's, and the yardsticks."""
    rng = np.random.default_rng(n_documents)
    texts = [f"{' '.join(rng.choice(WORDS, 18))}, true {n}." for n in range(N_REFERENCE)]
    builder.write(
        "reference_documents",
        {
            "reference_id": np.arange(N_REFERENCE),
            "text_hash": [text_hash(text) for text in texts],
            "text": [f"{HOSTILE} {texts[0]}", *texts[1:]],
            "label": rng.integers(0, n_labels, N_REFERENCE) if n_labels else [None] * N_REFERENCE,
        },
    )
    builder.write(
        "near_duplicates",
        {"document_id": [0, 1, 1], "reference_id": [0, 1, 2], "jaccard": [0.9, 0.85, 1.0]},
    )
    shares = np.arange(11) / 10
    for metric, mean in (("transport", 0.9 + 0.32 * shares), ("containment", 0.9 - 0.12 * shares)):
        for replaced_by, own in (("pool", shares), ("held-out", shares[-1:])):
            n = len(own)
            values = mean[:n] if replaced_by == "pool" else mean[3:4]
            builder.write(
                "replacement_curve",
                {
                    "metric": [metric] * n,
                    "replaced_by": [replaced_by] * n,
                    "replaced_share": own,
                    "mean": values,
                    "low": values - 0.005,
                    "high": values + 0.005,
                    "n": [60] * n,
                    "n_draws": [5] * n,
                    "method": ["exact"] * n,
                },
            )


def write_map(builder, n_documents, n_reference):
    rng = np.random.default_rng(n_documents)
    for name, n in (("seed-corpus", n_documents), ("reference", n_reference)):
        places = rng.normal(size=(n, 2))
        builder.write(
            "map_points",
            {
                "set_name": [name] * n,
                "item_id": np.arange(n),
                "x": places[:, 0],
                "y": places[:, 1],
            },
        )
    builder.put_meta("map", {"method": "UMAP", "n_neighbors": 15, "seed": 0, "n_fitted": 400})
