"""Command lines of the tiny audit and titration."""

from __future__ import annotations


def audit_arguments(tiny, *more):
    """The standard audit of the tiny models, without reference and test."""
    corpora = [
        word
        for name in ("leaked", "held-out", "noise")
        for word in ("--seed-corpus", str(tiny / f"{name}.jsonl"))
    ]
    return [
        "audit",
        "--base",
        str(tiny / "base"),
        "--final",
        str(tiny / "final"),
        *corpora,
        "--budget",
        "30",
        "--student-epochs",
        "3",
        "--precision",
        "fp32",
        *map(str, more),
    ]


def with_truth(tiny):
    """Options that name the reference set, the test set and the held-out documents."""
    return [
        "--reference",
        str(tiny / "train.jsonl"),
        "--test",
        str(tiny / "test.jsonl"),
        "--held-out-source",
        "held-out",
    ]


def titrate_arguments(tiny, *more, shares=("0", "0.25", "1"), budgets=("10", "30")):
    """The standard titration of the tiny models."""
    return [
        "titrate",
        *("--base", str(tiny / "base"), "--final", str(tiny / "final")),
        *("--reference", str(tiny / "train.jsonl"), "--held-out", str(tiny / "held-out.jsonl")),
        *("--out-of-domain", str(tiny / "noise.jsonl"), "--precision", "fp32"),
        *(word for share in shares for word in ("--leaked-share", share)),
        *(word for budget in budgets for word in ("--budget", budget)),
        *map(str, more),
    ]
