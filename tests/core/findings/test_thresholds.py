"""A p-value that decides what a sentence says stands there with its threshold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.evidence import ranking
from support.full_store import ECHO
from support.suspect_record import write_sample_suspects

from assay.cache.files.claims import as_claimed
from assay.cache.store import Store
from assay.core.findings.echo import echo_finding
from assay.core.findings.membership import membership_finding
from assay.core.findings.suspect_test import is_evidence, suspect_finding
from assay.core.findings.titration import titration_finding
from assay.core.specs.results.echo import EchoResult
from assay.core.specs.strategies import BLIND

THRESHOLD = "threshold 0.01"


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_a_suspect_test_that_was_run_has_its_threshold(shift):
    """Of scores as they were drawn, whether they differ or not."""
    record = write_sample_suspects(Store.default(), shift=shift)
    assert is_evidence(record, 1) == bool(shift)
    assert suspect_finding(record).headline.endswith(f"{THRESHOLD}.")


@pytest.mark.parametrize("p_value", [0.0001, 0.023])
@pytest.mark.parametrize("n_tests", [1, 3])
def test_a_suspect_tests_headline_has_its_threshold(p_value, n_tests):
    """Whether it is evidence or not, alone or corrected for others."""
    record = replace(write_sample_suspects(Store.default()), p_value=p_value)
    assert suspect_finding(record, n_tests).headline.endswith(f"{THRESHOLD}.")


@pytest.mark.parametrize(
    ("p_value", "said"),
    [(0.001, " nearer"), (0.005, " nearer"), (0.023, "no nearer"), (0.03, "no nearer")],
)
def test_an_echos_headline_has_its_threshold(p_value, said):
    """Nearer or no nearer, to the training documents as to held-out ones."""
    rows = [{**row, "p_value": p_value} for row in ECHO["targets"]]
    rows.append({**rows[-1], "kind": "held-out"})
    found = echo_finding(as_claimed(EchoResult, {**ECHO, "targets": rows}))
    assert said in found.headline
    assert found.headline.endswith(f"{THRESHOLD}.")
    about_others = [one for one in found.sentences if "held-out documents (" in one]
    assert all(THRESHOLD in one for one in about_others)
    assert len(about_others) == (p_value < 0.01)


@pytest.mark.parametrize(
    ("auc", "p_value", "blind"), [(0.9, 1e-9, 0.5), (0.56, 0.023, 0.5), (0.7, 1e-9, 0.8)]
)
def test_the_best_rankings_sentence_has_its_threshold(auc, p_value, blind):
    """Found, no more than chance, or no more than text alone; corrected only where there are
    several rankings."""
    own, alone = ranking("select", auc, p_value), ranking(BLIND, blind, 0.2)
    other = ranking("top-k", 0.5, 0.5)
    several = membership_finding([*own, *other, *alone], "select")
    assert THRESHOLD in several.sentence
    assert "corrected for 2 rankings (Holm)" in several.sentence
    one = membership_finding([*own, *alone], "select")
    assert THRESHOLD in one.sentence
    assert "corrected" not in one.sentence


def test_a_titrations_comparison_has_its_threshold():
    """Of its recall with that of the controls."""
    draws = [
        {
            "strategy": name,
            "metric": "recall",
            "leaked_share": 1.0,
            "budget": 10,
            "seed": seed,
            "value": value + 0.01 * seed,
            "low": value,
            "high": value,
        }
        for name, value in (("select", 0.3), ("random", 0.1))
        for seed in (0, 1, 2)
    ]
    draws[0]["value"] = 0.35
    assert "threshold 0.05" in titration_finding(draws, "select", 10).sentences[-1]
