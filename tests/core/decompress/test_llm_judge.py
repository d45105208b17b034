"""Grades by a judge model: read strictly, kept with who gave them, and tried on mismatches."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decompression_file import write_sample_decompression
from support.tiny_models import save_topic_model

from assay.cache.annotations.annotations import Annotated, example_annotations, set_mark
from assay.cache.decompressions.read import (
    ExampleFilter,
    read_decompression,
    read_examples,
    read_topics,
)
from assay.cache.files.manifest import changed_tables
from assay.cache.store import Store
from assay.core.decompress.backends.find import find_model
from assay.core.decompress.budget import Budget, calls_to_judge
from assay.core.decompress.examples.heuristic_grades import Grade
from assay.core.decompress.examples.llm_judge import ControlGrade, control_of
from assay.core.decompress.parsing import read_grades
from assay.core.runtime.device import Compute
from assay.core.specs.annotations import Annotation, Mark
from assay.core.specs.decompression import Axis, ParseOutcome

AXES = [str(axis) for axis in Axis]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A real model that never saw a judge's prompt."""
    return save_topic_model(tmp_path_factory.mktemp("judge"))


@pytest.fixture
def sample():
    return write_sample_decompression(Store.default())


def completed(result):
    assert result.status == 0, result.err
    return json.loads(result.out)


def grade(assay, judge, *more):
    words = ("grade", "sample", "--judge", judge, "--precision", "fp32", "--json")
    return completed(assay(*words, *more))


def judged(path, label):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(
            "SELECT example_id, axis, score, rung FROM grades JOIN calls USING (call_key) "
            "WHERE judge = ? ORDER BY 1, 2",
            [label],
        ).df()


def test_a_judge_grades_every_example_on_every_axis(assay, judge, sample):
    """Whole numbers from 0 to 4, read where the form was enforced, under name and weight hash."""
    before = sample.read_bytes()
    set_mark(Store.default(), Annotated.decompression("sample"), "2", Mark.REJECTED)
    out = grade(assay, judge, "--prompting", "json")
    identity = find_model(str(judge), None, judge).identity
    assert identity.label == f"{judge} ({identity.sha256[:12]})"
    grades = judged(Path(out["path"]), identity.label)
    assert set(grades["score"]) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert len(grades) == 4 * len(Axis)
    assert set(grades["rung"]) == {"schema"}
    meta = read_decompression(Path(out["path"]))
    assert meta.title == f"{read_decompression(sample).title}, graded by {judge.name}"
    assert meta.headline_judge == identity.label
    assert meta.judges[0].sha256 == identity.sha256
    assert meta.judges[0].n_unreadable == 0
    # The heuristic's grades stay, and quality is the named judge's alone.
    quality = {
        who: read_topics(Path(out["path"]), who)["quality"].tolist()
        for who in (None, identity.label, "heuristic")
    }
    assert quality[None] == quality[identity.label] != quality["heuristic"]
    assert quality["heuristic"] == read_topics(sample)["quality"].tolist()
    assert changed_tables(Path(out["path"])) == []
    said = example_annotations(Store.default(), out["decompression"])
    assert said == {2: Annotation(Mark.REJECTED)}
    assert sample.read_bytes() == before


def test_a_grade_that_cannot_be_read_is_empty(assay, judge, sample):
    """A model that answers with other words grades nothing: each is asked twice, then failed."""
    out = grade(assay, judge)
    meta = read_decompression(Path(out["path"]))
    grades = judged(Path(out["path"]), meta.headline_judge)
    assert len(grades) == 4 * len(Axis)
    assert grades["score"].isna().all()
    assert set(grades["rung"]) == {"failed"}
    assert meta.judges[0].n_unreadable == 4
    assert meta.judges[0].control is None
    assert read_examples(Path(out["path"]), ExampleFilter(), 10).rows["quality"].isna().all()


def test_what_a_judge_said_is_not_asked_again(assay, judge, sample):
    """A budget ends the grading at its number of calls; a larger one asks only what is left."""
    small = grade(assay, judge, "--prompting", "json", "--budget-calls", 3)
    assert small["n_asked"] == 3
    assert read_decompression(Path(small["path"])).judges[0].n_graded == 3
    large = grade(assay, judge, "--prompting", "json")
    assert large["n_asked"] == large["n_calls"] - read_decompression(sample).counts.n_calls - 3
    label = read_decompression(Path(large["path"])).headline_judge
    few, whole = (judged(Path(one["path"]), label) for one in (small, large))
    assert few.equals(whole[: len(few)])


def test_a_run_keeps_calls_back_for_its_judge(assay, judge):
    """Within one budget for both models, whatever was written is graded."""
    words = ("decompress", "--model", judge, "--judge", judge, "--samples", "4", "--expansion", "3")
    small = ("--examples", "1", "--budget-calls", "44", "--precision", "fp32", "--json")
    out = completed(assay(*words, *small))
    with duckdb.connect(out["path"], read_only=True) as connection:
        stages = [stage for (stage,) in connection.execute("SELECT stage FROM calls").fetchall()]
    assert len(stages) == out["n_calls"] <= 44
    (facts,) = read_decompression(Path(out["path"])).judges
    assert facts.n_graded == out["n_examples"] > 3
    assert stages.count("judging") >= facts.n_graded


@given(st.integers(0, 10_000))
def test_what_is_kept_back_for_a_judge_is_enough(n_examples):
    """With exactly those calls left, all examples are graded beside the trials of the judge."""
    n_calls = calls_to_judge(n_examples)
    assert n_calls - Budget(n_calls).n_controls() >= n_examples
    assert Budget().n_controls() >= Budget(n_calls).n_controls()


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("grade", "nothing", "--judge", "x"), "nothing"),
        (("grade", "sample", "--judge", "x", "--budget-calls", "0"), "--budget-calls"),
        (("decompress", "--judge-served-model", "x"), "--judge-served-model"),
        (("decompress", "--judge", "x", "--examples", "0"), "--examples"),
    ],
)
def test_a_judge_that_cannot_be_asked_is_refused(assay, sample, words, word):
    """Bad input ends with status 2 and one sentence."""
    result = assay(*words)
    assert result.status == 2
    assert word in result.err.splitlines()[-1]


GRADES = dict.fromkeys(AXES, 3)


@pytest.mark.parametrize(
    ("text", "is_json", "is_enforced", "rung"),
    [
        (json.dumps(GRADES), True, True, ParseOutcome.SCHEMA),
        (json.dumps(GRADES), True, False, ParseOutcome.STRICT),
        (f"Sure!\n```json\n{json.dumps(GRADES)[:-1]}", True, False, ParseOutcome.REPAIRED),
        (json.dumps({name.title(): 3 for name in AXES}), True, False, ParseOutcome.LINES),
        (", ".join(f"{name} 3" for name in AXES) + ".", False, True, ParseOutcome.LINES),
    ],
)
def test_grades_are_read_rung_by_rung(text, is_json, is_enforced, rung):
    """Every form of the same grades gives them, and says how they were read."""
    assert read_grades(text, AXES, 4, is_json, is_enforced) == (GRADES, rung)


@given(
    st.sampled_from(AXES),
    st.one_of(st.integers().filter(lambda n: not 0 <= n <= 4), st.just(2.5), st.just("good")),
    st.booleans(),
)
def test_no_grade_is_invented(axis, bad, is_json):
    """One grade out of range, between two numbers or missing leaves the whole answer unread."""
    given_ = {**GRADES, axis: bad}
    lines = ", ".join(f"{name} {value}" for name, value in given_.items())
    text = json.dumps(given_) if is_json else lines
    assert read_grades(text, AXES, 4, is_json, True) == (None, ParseOutcome.FAILED)
    left_out = {name: 0 for name in AXES if name != axis}
    assert read_grades(json.dumps(left_out), AXES, 4, True, True) == (None, ParseOutcome.FAILED)


def controlled(own, others):
    grades = [Grade(at, Axis.HELPFULNESS, score, "j") for at, score in enumerate(own)]
    controls = [
        ControlGrade(at, 0, Axis.HELPFULNESS, score, "j", "key") for at, score in enumerate(others)
    ]
    return control_of(grades, controls)


def test_a_judge_that_does_not_read_is_found_out():
    """Grades that fall on mismatches clear one half; the same for all, or at random, do not."""
    generator = np.random.default_rng(0)
    good = controlled([3.0] * 20, [1.0] * 19 + [4.0])
    assert good.low > 0.5
    constant = controlled([3.0] * 20, [3.0] * 20)
    assert (constant.low, constant.high) == (0, 1)
    random = [
        controlled(*generator.integers(0, 5, (2, 24)).astype(float).tolist()).low > 0.5
        for _ in range(400)
    ]
    assert np.mean(random) < 0.05
    assert controlled([None] * 4, [1.0] * 4) is None


@pytest.mark.slow
def test_a_judge_may_be_a_server(assay, sample, tmp_path):
    """SmolLM2 behind xllamacpp's HTTP server grades as in this process, under the server's name."""
    backend = find_model("builtin:smollm2", None, tmp_path).open(Compute("cpu", False, 1))
    try:
        address = backend._server.listening_address
        over_http = grade(assay, address)
        in_process = grade(assay, "builtin:smollm2")
    finally:
        backend.close()
    labels = [
        read_decompression(Path(one["path"])).headline_judge for one in (over_http, in_process)
    ]
    assert labels[0].endswith(f"(server at {address}/v1)")
    assert labels[1].startswith("builtin:smollm2 (")
    one, other = (
        judged(Path(out["path"]), label)
        for out, label in zip((over_http, in_process), labels, strict=True)
    )
    assert one.equals(other)
    assert set(one["score"]) <= {0.0, 1.0, 2.0, 3.0, 4.0}
