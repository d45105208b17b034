"""A store that has something for every page."""

from __future__ import annotations

from support.audit_file import write_sample_audit
from support.command import ran
from support.decompression_file import HOSTILE, write_sample_decompression
from support.experiment_file import write_sample_experiment
from support.known_decompressions import CHANGED, MODEL_B, knowledge, write_run
from support.pair_rows import write_groups
from support.suspect_record import PAIR, write_sample_suspects
from support.titration_audit import write_sample_titration

from assay.cache.files.claims import as_claimed
from assay.core.specs.results.echo import EchoResult

ECHO = {
    "echo_id": "echo-" + "0" * 12,
    "title": "an echo",
    "created_at": "2026-11-20T12:00:00+00:00",
    "spec": {"audit": "titrated"},
    "audit_title": "Sample titration",
    "models": ["final", "base"],
    "n_said": 40,
    "n_control": 40,
    "n_shuffles": 999,
    "verbatim_words": 8,
    "targets": [
        {
            "kind": kind,
            "strategy": None,
            "n_documents": 50,
            "said": 1.6123,
            "control": 1.7321,
            "null_low": -0.1012,
            "null_high": 0.0512,
            "p_value": 0.005,
            "verbatim": [3, 0],
            "verbatim_p_value": 0.1,
            "longest_run": [7, 0],
            "near_duplicates": [2, 1],
        }
        for kind in ("seed-corpus", "reference")
    ],
    "caveats": [],
    "provenance": {"assay_version": "0.1.0", "command": "assay echo"},
}


def fill(store):
    """Write four audits of one pair, two others, a suspect test, an echo, two experiments, four
    decompressions and a diff of two of them."""
    write_sample_titration(store)
    for number, name in enumerate(("again", "and-again", "once-more")):
        pair = {**PAIR, "final_weights_sha256": str(number) * 64}
        write_sample_titration(store, name, grid=None, pair=pair, seed=number)
    write_sample_audit(store)
    write_sample_audit(store, "ranked", before_seal=write_groups)
    write_sample_suspects(store)
    store.echoes.write(as_claimed(EchoResult, ECHO))
    for name in ("main-classification", "leakage-titration"):
        write_sample_experiment(store, name)
    write_sample_decompression(store)
    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    write_run(store, "b", CHANGED, 0, MODEL_B, respond=lambda topic, rng: HOSTILE)
    assert ran(store.root, "diff", "a-0", "b").returncode == 0
