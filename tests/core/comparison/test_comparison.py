"""Comparisons of audits whose differences are known, and of audits that have none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from support.audit_file import ASSESSMENT, write_sample_audit
from support.compared_audits import FIRST, TWIN, write_compared
from support.titration_audit import write_sample_titration

from assay.cache.audits.side_by_side import read_side
from assay.cache.store import Store
from assay.core.comparison.audits import compare
from assay.core.comparison.differences import corrected as all_corrected
from assay.core.comparison.differences import differences
from assay.core.comparison.overlaps import corrected, overlaps
from assay.core.comparison.selected import selected_documents
from assay.core.comparison.shared import Shared
from assay.core.errors import InputError
from assay.core.findings.comparison import comparison_finding, settings_sentence
from assay.core.findings.comparison_tables import (
    differences_table,
    overlap_matrix,
    overlaps_table,
    settings_table,
    sides_table,
)
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Baseline, Strategy


@pytest.fixture
def store():
    return Store.default()


def of(found, metric, subject):
    (one,) = [d for d in found.differences if (d.metric, d.subject) == (metric, subject)]
    return one


def test_identical_audits_differ_in_nothing(store):
    """Two audits that judge and select alike have nothing to test, and all selected documents in
    common; the sentence says so."""
    paths = [write_compared(store, name) for name in ("sample", "second")]
    found = compare(paths)
    assert found.differences
    assert all(one.is_identical and one.difference.value == 0 for one in found.differences)
    assert found.n_tests == 0
    assert {(one.n_both, one.n_selected) for one in found.overlaps} == {(60, 60)}
    assert all(one.is_more_than_chance for one in found.overlaps)
    assert "give equal results for every document" in comparison_finding(found).headline
    assert found.differing == []


def test_independent_selections_share_what_chance_gives(store):
    """Of two audits whose selections are unrelated draws no overlap is called more or less than
    chance, and about 95% lie in the range by chance; only documents of both corpora count."""
    sides = [read_side(write_compared(store, *one)) for one in (FIRST, TWIN)]
    rng = np.random.default_rng(0)
    drawn = [
        replace(
            side,
            selections={one: rng.permutation(side.n_documents)[:60] for one in side.selections},
        )
        for side in sides
        for _ in range(8)
    ]
    found = [
        one
        for first, second in zip(drawn[:8], drawn[8:], strict=True)
        for one in overlaps((0, 1), Shared.of(first, second))
    ]
    inside = [one.by_chance.low <= one.n_both <= one.by_chance.high for one in found]
    assert len(inside) == 8 * (len(Strategy) - 1)  # random selections are not compared
    assert np.mean(inside) >= 0.9
    assert not any(one.is_more_than_chance or one.is_less_than_chance for one in corrected(found))
    assert {one.n_pool for one in found} == {350}


def test_a_better_ranking_is_found_whichever_audit_comes_first(store):
    """The audit whose ranking distinguishes training documents better is named, with the same
    interval from both sides; the ranking that only carries noise is not called different."""
    strong = write_compared(store, "sample", gain=3.0, seed=1)
    weak = write_compared(store, "second", gain=0.2, seed=2)
    there, back = compare([weak, strong]), compare([strong, weak])
    one, other = (of(c, Metric.MEMBERSHIP_AUC, Baseline.CONFIDENCE_GAIN) for c in (there, back))
    assert one.is_larger_than_chance
    assert one.difference.low > 0
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert one.p_value == pytest.approx(other.p_value)
    assert not of(there, Metric.MEMBERSHIP_AUC, Strategy.SELECT).is_larger_than_chance
    assert "more often in B than in A" in comparison_finding(there).headline
    assert "more often in A than in B" in comparison_finding(back).headline
    for found in (there, back):
        assert all(d.corrected >= d.p_value for d in found.differences if not d.is_identical)


def test_students_are_compared_on_the_same_test_documents(store):
    """A much better student of one audit is told from the other's; equal ones are not."""
    audits = [
        write_compared(store, name, able=able, seed=seed)
        for name, able, seed in (("sample", 0.0, 1), ("second", 1.5, 2), ("thirds", 0.0, 3))
    ]
    better = of(compare(audits[:2]), Metric.ACCURACY, Strategy.SELECT)
    assert better.is_larger_than_chance
    assert better.values[1] > better.values[0]
    assert better.n == 200
    equal = of(compare([audits[0], audits[2]]), Metric.ACCURACY, Strategy.SELECT)
    assert equal.p_value > 0.05


def test_recall_counts_documents_that_one_audit_found_more(store):
    """Recall and precision are of equally many selected documents, and are one test; an audit that
    locates all training documents is told from one that locates a few."""
    first, second = (read_side(write_compared(store, name)) for name in ("sample", "second"))
    trained = np.flatnonzero(first.is_trained)
    others = np.flatnonzero(~first.is_trained)
    n = len(trained)
    few = replace(first, selections={Strategy.SELECT: np.r_[trained[:3], others[: n + 5]]})
    all_of_them = replace(second, selections={Strategy.SELECT: trained})
    found = all_corrected(differences((0, 1), Shared.of(few, all_of_them)))
    recall, precision = (
        next(one for one in found if one.metric is metric)
        for metric in (Metric.RECALL, Metric.PRECISION)
    )
    assert recall.n_selected == n  # the longer list is cut
    assert recall.values == pytest.approx((3 / n, 1.0))
    assert precision.values == pytest.approx((3 / n, 1.0))
    assert recall.is_larger_than_chance
    assert recall.difference.low > 0.5
    assert precision.corrected == recall.corrected


def test_audits_of_other_documents_have_nothing_to_pair(store):
    """Audits without a document in common are told apart by their settings only, and say so."""
    found = compare([write_sample_audit(store, "sample"), write_sample_audit(store, "elsewhere")])
    assert found.differences == found.overlaps == ()
    said = comparison_finding(found)
    assert "no document in common" in said.headline
    assert any("cannot be compared between A and B" in sentence for sentence in said.sentences)
    for table in (differences_table(found), overlaps_table(found), settings_table(found)):
        assert len(table) == 0
    assert sides_table(found, found.leading, ["a", "b"])["recall, %"].notna().all()


def test_every_audit_is_compared_with_the_first_and_every_pair_overlaps(store):
    """Three audits give differences of two from the first, and overlaps of three pairs."""
    audits = [
        write_compared(store, name, gain=gain, seed=seed, budget=budget)
        for name, gain, seed, budget in (
            ("sample", 0, 1, 60),
            ("second", 3, 2, 30),
            ("thirds", 0, 3, 60),
        )
    ]
    found = compare(audits)
    assert {one.pair for one in found.differences} == {(0, 1), (0, 2)}
    assert {one.pair for one in found.overlaps} == {(0, 1), (0, 2), (1, 2)}
    matrix = overlap_matrix(found, Strategy.SELECT)
    assert matrix.loc["A", "C"] == matrix.loc["C", "A"] == 1
    assert set(differences_table(found)["audits"]) == {"B − A", "C − A"}
    assert "`--budget`" in settings_sentence(found)
    assert settings_table(found).set_index("setting").loc["--budget"].tolist() == ["60", "30", "60"]


def test_where_a_model_lies_is_no_difference(store):
    """Models and data are the same if their digests are; other digests differ under one name."""

    def models(builder, final, digest):
        builder.put_meta("spec", {**builder.meta("spec"), "final": final})
        provenance = builder.meta("provenance")
        builder.put_meta("provenance", {**provenance, "final_weights_sha256": digest})

    paths = [
        write_sample_audit(store, name, before_seal=partial(models, final=final, digest=digest))
        for name, final, digest in (
            ("sample", "/here/final", "a" * 64),
            ("second", "/there/final", "a" * 64),
            ("thirds", "/here/final", "b" * 64),
        )
    ]
    assert compare(paths[:2]).differing == []
    (differing,) = compare([paths[0], paths[2]]).differing
    assert differing.name == "final model"
    assert differing.values == ("final · aaaaaaaa", "final · bbbbbbbb")


def test_an_audit_and_a_titration_differ_in_their_command(store):
    """Settings are read from audits of every command, also where their places fit no command."""
    found = compare([write_sample_audit(store, "sample"), write_sample_titration(store)])
    differing = {one.name: one.values for one in found.differing}
    assert differing["command"] == ("audit", "titrate")
    assert differing["--leaked-share"][0] == "no titration"


def test_settings_that_look_the_same_do_not_differ(store):
    """An option that one command lacks and the other was not given differs in nothing."""
    found = compare([write_sample_audit(store, "sample"), write_sample_titration(store)])
    alike = [one.name for one in found.differing if len(set(one.values)) == 1]
    assert alike == []


def test_documents_have_their_rank_in_each_audit(store):
    """The table of selected documents holds each once, with its ranks, and knows which corpora lack
    it."""
    found = compare([write_compared(store, *one, budget=b) for one, b in ((FIRST, 60), (TWIN, 40))])
    table = selected_documents(found.sides, Strategy.SELECT)
    assert table["text_hash"].is_unique
    assert table["rank_0"].notna().sum() == 60
    assert table["rank_1"].notna().sum() == 40
    assert sorted(table["rank_0"].dropna()) == list(range(1, 61))
    assert table["document_0"].notna().all()  # the first corpus holds the second's documents
    only_first = table[table["document_1"].isna()]
    assert only_first["rank_1"].isna().all()
    assert (table["n_selecting"] == table[["rank_0", "rank_1"]].notna().sum(axis=1)).all()


def _spoil(builder):
    n = builder.rows.n_documents()
    builder.write(
        "membership_scores",
        {
            "document_id": [*range(n), *range(n)],
            "scorer": ["select"] * n + ["nobody knows"] * n,
            "score": [float("nan")] * n + [1.0] * n,
        },
    )
    builder.write(
        "selections",
        {
            "strategy": ["select", "select", "unheard-of"],
            "rank": [60, 61, 0],
            "document_id": [int(builder.rows.selection(Strategy.SELECT).documents[0]), 10**6, 0],
            "gain": [0.0] * 3,
            "objective": [0.0] * 3,
            "weight": [1.0] * 3,
        },
    )


def test_a_strangers_file_may_hold_anything(store):
    """Scores that are no numbers, unknown rankings and strategies, documents listed twice or not at
    all: they are left out, and the rest is compared."""
    spoiled = write_sample_audit(store, "second", before_seal=_spoil)
    found = compare([write_compared(store, "sample"), spoiled])
    assert Metric.MEMBERSHIP_AUC not in {one.metric for one in found.differences}
    assert {len(own) for own in found.sides[1].selections.values()} == {60}
    assert {one.n_both for one in found.overlaps} == {60}


def test_an_audit_that_could_not_be_assessed_is_named(store):
    """It can stand beside others, and the sentences say what it is."""
    refused = {**ASSESSMENT, "verdict": "not assessable"}
    paths = [write_compared(store), write_sample_audit(store, "second", assessment=refused)]
    assert any(
        "B could not be assessed" in sentence
        for sentence in comparison_finding(compare(paths)).sentences
    )


@pytest.mark.parametrize("n", [1, 9])
def test_too_few_and_too_many_are_refused(store, n):
    """Two to eight audits can be compared."""
    paths = [store.audits / f"{number}.duckdb" for number in range(n)]
    with pytest.raises(InputError, match="2 to 8 different audits"):
        compare(paths)
