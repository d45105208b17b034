"""What is said of time and memory before an audit starts."""

from __future__ import annotations

from dataclasses import replace

from assay.core.audit.estimates import Earlier, Load, estimate_audit, planned_s, planned_stages
from assay.core.specs.audit import AuditSpec, CorporaSpec
from assay.core.specs.data import DataRef, Task

SPEC = AuditSpec("base", "final", (DataRef("pool.csv"),), budget=100)
MINILM = Load(2000, 22_600_000, 48, 384)


def test_more_work_takes_longer():
    """Documents, the model's size and the documents' length each count; nothing shrinks it."""
    usual = planned_s(SPEC, MINILM)
    for changes in ({"n_documents": 20_000}, {"n_parameters": 10**9}, {"max_tokens": 96}):
        assert planned_s(SPEC, replace(MINILM, **changes)) > usual
    assert planned_s(replace(SPEC, n_student_epochs=0), MINILM) < usual


def test_students_of_corpora_take_as_many_steps_as_the_final_model():
    """The demo's students took 7.8 s for 480 documents times epochs. Two for each of three corpora,
    as long as a final model of 2,000, are planned at about that rate; with fewer passes or without
    students it is less, and without a known number it is not nothing."""
    corpora = tuple(DataRef(f"{name}.csv") for name in "abc")
    spec = replace(SPEC, seed_corpus=corpora, n_student_epochs=0, corpora=CorporaSpec(2))
    load = Load(1080, 22_600_000, 48, 384, n_passes=2000)
    seconds = planned_stages(spec, load)["source students"]
    assert 0.7 < seconds / (6 * 2000 * 7.8 / 480) < 1.7
    fewer = replace(load, n_passes=200)
    assert planned_stages(spec, fewer)["source students"] < seconds / 3
    without = replace(spec, corpora=CorporaSpec(0))
    assert planned_stages(without, load)["source students"] == 0
    unknown = replace(load, n_passes=None)
    assert planned_stages(spec, unknown)["source students"] > 10


def test_an_unknown_load_is_said():
    """What is not known before the start is named, and no memory is made up."""
    found = estimate_audit(SPEC, Load(None, None, 48), [], 1)
    assert found.low_bytes is None
    assert "not known" in found.rests_on
    assert 0 < found.low_s < found.high_s


def test_a_pair_of_which_one_is_unread_is_no_known_pair():
    """The estimate says that it rests on one model, where the other's size is not known."""
    found = estimate_audit(SPEC, MINILM, [], 1)
    assert "both models" in found.rests_on
    found = estimate_audit(SPEC, replace(MINILM, is_one_unread=True), [], 1)
    assert "both models" not in found.rests_on
    assert "one model by its headers, since the other's is not known yet" in found.rests_on


def test_earlier_audits_set_the_range():
    """A machine half as fast doubles the estimate, and the range holds what its audits took."""
    took = 2 * planned_s(SPEC, MINILM)
    here = estimate_audit(SPEC, MINILM, [Earlier(SPEC, MINILM, took)], 1)
    assert here.low_s < took < here.high_s
    assert here.high_s / here.low_s < 2
    assert "1 earlier audit in this store" in here.rests_on
    larger = estimate_audit(
        SPEC, replace(MINILM, n_documents=20_000), [Earlier(SPEC, MINILM, took)], 1
    )
    assert larger.low_s > here.high_s


def test_training_is_what_takes_memory():
    """57 GiB were measured for students of 3.2 billion weights: the range holds it."""
    spec = replace(SPEC, task=Task.SFT, strategies=SPEC.strategies[:1])
    found = estimate_audit(spec, Load(1000, 3_213_000_000, 32, 3072), [], 1)
    assert found.low_bytes < 57 * 2**30 < found.high_bytes
    without = estimate_audit(
        replace(spec, n_student_epochs=0), Load(1000, 3_213_000_000, 32), [], 1
    )
    assert without.high_bytes < found.high_bytes
