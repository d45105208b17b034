"""What audits' answers are made of, made up: no file and no training."""

from __future__ import annotations

import pandas as pd

from assay.cache.audits.evidence import AuditEvidence
from assay.cache.audits.read import AuditFacts
from assay.cache.files.claims import as_claimed
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef
from assay.core.specs.metrics import Metric
from assay.core.specs.plain import to_plain
from assay.core.specs.results.audit import AuditResult, DifferenceFacts, ModelFacts, PairFacts
from assay.core.specs.strategies import Strategy

UNCHANGED = PairFacts(
    ModelFacts("float32"),
    ModelFacts("float32"),
    DifferenceFacts(1, 0, 10, 0, 0.0, 1.0, "the last layer", 0.0, 0.0),
)
STRATEGIES = (Strategy.RANDOM, Strategy.TOP_K, Strategy.SELECT, Strategy.EMBEDDING_MATCH)


def row(subject, metric, value, low=None, high=None, **more):
    return {
        "subject": subject,
        "metric": metric,
        "value": value,
        "low": low,
        "high": high,
        "n": 100,
        "ceiling": 1.0,
        "null_value": 0.1,
        "null_low": 0.05,
        "null_high": 0.15,
        "null_kind": "599 random selections",
        "p_value": None,
        "method": "paired",
        **more,
    }


def ranking(name, auc, p_value, rate=0.02, rate_p=0.4, reach=0.03):
    """How a ranking tells 160 trained from held-out documents."""
    return [
        row(name, Metric.MEMBERSHIP_AUC, auc, auc - reach, auc + reach, p_value=p_value, n=800),
        row(name, Metric.MEMBERSHIP_TPR, rate, rate * 0.7, rate * 1.2, p_value=rate_p, n=160),
    ]


def students(metric=Metric.ACCURACY, random=0.6, **leads):
    """Students by strategy, each a pair of its value and of the p-value of its lead over random."""
    rows = [
        row("random", metric, random, random - 0.03, random + 0.03),
        row("random-students", metric, random, random - 0.05, random + 0.05, n=5),
        row("final", metric, 0.9, 0.88, 0.92),
    ]
    for name, (value, p_value) in leads.items():
        subject = Strategy(name.replace("_", "-"))
        better = random - value if metric.info.is_lower_better else value - random
        rows += [
            row(subject, metric, value, value - 0.03, value + 0.03),
            row(subject, Metric.LEAD_OVER_RANDOM, better, p_value=p_value),
            row(subject, Metric.COSINE, 0.5, n=100),
        ]
    return rows


def distance(name, value, p_value):
    band = {"null_value": 1.25, "null_low": 1.2, "null_high": 1.3, "ceiling": 0.9}
    return row(name, Metric.TRANSPORT, value, p_value=p_value, **band)


def ranked_corpus(name, cosine, low, high):
    """A corpus of a ranking, with its cosine and interval; its share is the same for all."""
    return {
        "name": name,
        "cosine": cosine,
        "low": low,
        "high": high,
        "n_documents": 200,
        "null_low": 0.1,
        "null_high": 0.2,
        "share": 0.5,
        "share_low": 0.4,
        "share_high": 0.6,
    }


def evidence(
    rows=(),
    vocabulary=None,
    strategies=STRATEGIES,
    verdict="assessable",
    sources=(),
    students_of=(),
    titration=(),
    tests=(),
    n_deleted_tests=0,
    labels=("a", "b"),
    n_reference=100,
    n_leaked=100,
    **meta,
):
    spec = AuditSpec("base", "final", (DataRef("pool.jsonl"),), strategies=tuple(strategies))
    said = {
        "title": "Made up",
        "created_at": "2026-11-20T12:00:00+00:00",
        "provenance": {"command": "assay audit", "assay_version": "0.1.0", "packages": {}},
        "caveats": [],
        "spec": to_plain(spec),
        "assessment": {"verdict": verdict, "reasons": ["The head moved."], "hints": []},
        "label_names": list(labels),
        "counts": {"n_documents": 1600, "n_reference": n_reference, "n_leaked": n_leaked},
        "training": {"source": "default"},
        "vocabulary": None if vocabulary is None else vocabulary.to_plain(),
        **meta,
    }
    facts = AuditFacts(as_claimed(AuditResult, said), pd.DataFrame(), UNCHANGED)
    return AuditEvidence(
        facts,
        list(rows),
        list(sources),
        list(students_of),
        list(titration),
        list(tests),
        n_deleted_tests,
    )
