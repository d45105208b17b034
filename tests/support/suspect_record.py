"""Records of suspect tests, judged by the real test on scores made up here."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from assay.cache.files.claims import as_claimed
from assay.core.specs.data import DataRef, Task
from assay.core.specs.hashing import text_hash
from assay.core.specs.plain import to_plain
from assay.core.specs.results.suspect_test import SuspectResult
from assay.core.specs.strategies import declared_scores
from assay.core.specs.suspect import SuspectSpec
from assay.core.stats.suspect_test import N_SHUFFLES, combined, separability_by, used_test

PAIR = {"base_weights_sha256": "b" * 64, "final_weights_sha256": "f" * 64}


def write_sample_suspects(
    store, number=0, shift=0.0, is_apart=False, pair=PAIR, title="", texts=()
):
    """40 suspects, whose scores are ``shift`` higher than those of 40 controls; or, of other
    lengths, refused. ``texts``: those of the first suspects."""
    rng = np.random.default_rng(number)
    is_suspect = np.arange(80) < 40
    scores = {
        name: rng.normal(size=80) for name in declared_scores(Task.CLASSIFICATION, trained=())
    }
    for own in scores.values():
        own += shift * is_suspect
    lengths = rng.normal(size=80) + 9 * (is_suspect & is_apart)
    checks = [(separability_by("length", lengths, is_suspect), True)]
    checks.append(
        (separability_by("loss under the base model", rng.normal(size=80), is_suspect), False)
    )
    spec = SuspectSpec("base", "final", DataRef("mine.jsonl"), DataRef("others.jsonl"))
    plain = {
        "test_id": f"suspect-{number:012x}",
        "title": title or f"Suspects number {number}",
        "created_at": f"2026-11-{20 + number}T12:00:00+00:00",
        "spec": to_plain(spec),
        "n_suspects": 40,
        "n_controls": 40,
        "n_dropped": 2,
        "n_shuffles": N_SHUFFLES,
        "declared": list(scores),
        "caveats": [],
        "provenance": {**pair, "command": f"assay suspect --seed {number}"},
        "checks": [
            {
                "name": check.name,
                "is_apart": check.is_separable,
                "is_refusal": is_refusal,
                **asdict(check.auc),
            }
            for check, is_refusal in checks
        ],
        "is_refused": is_apart,
        "documents": {
            "suspects": [
                text_hash(texts[one] if one < len(texts) else f"suspect {number} {one}")
                for one in range(40)
            ],
            "controls": [text_hash(f"control {number} {one}") for one in range(40)],
        },
        "p_value": None,
        "auc": None,
        "components": [],
        "scores": None,
    }
    if not is_apart:
        score = combined(scores)
        found = used_test(scores, is_suspect, 0)
        parts = {name: used_test({name: own}, is_suspect, 0) for name, own in scores.items()}
        plain |= {
            "p_value": found.p_value,
            "p_values": {"mean": found.by_mean, "highest": found.by_highest},
            "n_at_least": found.n_at_least,
            "auc": asdict(found.auc),
            "components": [
                {"name": name, "p_value": part.p_value, **asdict(part.auc)}
                for name, part in parts.items()
            ],
            "scores": {
                "suspects": score[is_suspect].tolist(),
                "controls": score[~is_suspect].tolist(),
            },
        }
    record = as_claimed(SuspectResult, plain)
    store.suspect_tests.write(record)
    return record
