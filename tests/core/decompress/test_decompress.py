"""Whole decompressions of a tiny real model, through the command line."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from support.command import ran
from support.endings import assert_ends_for_people
from support.forked import Forked
from support.tiny_models import save_topic_model

from assay.cache.decompressions.journal import read_progress, read_running
from assay.cache.decompressions.schema import TABLES
from assay.cache.files.manifest import changed_tables
from assay.cache.store import Store
from assay.core.decompress.tree.support import N_NONSENSE_TOPICS
from assay.core.diff.decompressions import read_run
from assay.core.specs.decompression import Axis, QualityFlag

# What depends on when a run was made, and not on what was asked and answered.
VOLATILE = {"duration_s", "answered_at"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_topic_model(tmp_path_factory.mktemp("model"))


def arguments(model, *more):
    return [
        *("decompress", "--model", str(model), "--samples", "6", "--expansion", "3"),
        *("--examples", "1"),
        *("--precision", "fp32", "--json", *map(str, more)),
    ]


def contents(path):
    with duckdb.connect(path, read_only=True) as connection:
        return {
            table: connection.execute(
                f"SELECT * EXCLUDE ({', '.join(VOLATILE)}) FROM calls ORDER BY 1"
                if table == "calls"
                else f"SELECT * FROM {table} ORDER BY 1"
            ).fetchall()
            for table in TABLES
            if table != "meta"
        }


def completed(result):
    assert result.status == 0, result.err
    return json.loads(result.out)


@pytest.fixture(scope="module")
def asked(model, tmp_path_factory):
    """A store with the decompressions under two seeds, and what was said of each."""
    home = tmp_path_factory.mktemp("asked")
    done = [ran(home, *arguments(model, "--seed", seed)) for seed in (0, 1)]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    return home, [json.loads(one.stdout) for one in done]


def test_a_decompression_is_sealed_whole(assay, asked):
    """Tree, links and every call are in one file that its manifest verifies and nobody writes."""
    home, (out, other) = asked
    path = Path(out["path"])
    intact = {one["decompression"]: "intact" for one in (out, other)}
    assert json.loads(assay("verify", "--store", home, "--json").out) == intact
    assert changed_tables(path) == []
    assert not path.stat().st_mode & 0o222
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute(
            "SELECT topic_id, parent_id, level, n_votes, n_samples, stop, contrast, support_low, "
            "support_high FROM topics ORDER BY topic_id"
        ).fetchall()
        n_calls, n_unread = connection.execute(
            "SELECT count(*), count(*) FILTER (rung IS NULL) FROM calls"
        ).fetchone()
    assert len(rows) == out["n_topics"] + 1 > 4
    assert (n_calls, n_unread) == (out["n_calls"], 0)
    levels = {topic_id: level for topic_id, _, level, *_ in rows}
    for topic_id, parent_id, level, n_votes, n_samples, stop, contrast, low, high in rows[1:]:
        assert parent_id < topic_id
        assert level == levels[parent_id] + 1 <= 2
        assert 2 <= n_votes <= n_samples == 6
        assert (level == 2) == (stop == "depth")
        assert contrast is not None
        assert low < n_votes / n_samples <= high


def test_a_moved_model_is_the_same(assay, model, asked, tmp_path):
    """A result is called by the model's name alone, so another folder finds it again."""
    home, (first, _) = asked
    moved = shutil.copytree(model, tmp_path / "elsewhere" / model.name)
    again = completed(assay(*arguments(moved, "--store", home)))
    assert again["was_there"]
    assert again["decompression"] == first["decompression"]
    assert first["decompression"].rpartition("-")[0] == model.name


def test_the_same_question_is_answered_once(assay, model):
    """Asked again it is there; asked with a larger budget, only what is new is asked."""
    small = completed(assay(*arguments(model, "--budget-calls", 14)))
    assert small["n_calls"] <= 14
    again = completed(assay(*arguments(model, "--budget-calls", 14)))
    assert again["was_there"]
    asked = [one for one in arguments(model, "--budget-calls", 14) if one != "--json"]
    assert_ends_for_people(assay(*asked).out, "topics")
    large = completed(assay(*arguments(model)))
    assert large["decompression"] != small["decompression"]
    keys = [{row[1] for row in contents(one["path"])["calls"]} for one in (small, large)]
    assert large["n_asked"] == len(keys[1] - keys[0]) < large["n_calls"]


def test_the_budget_is_kept_and_said(assay, model):
    """No call beyond the budget is asked, and topics that it kept from expanding say so."""
    out = completed(assay(*arguments(model, "--budget-calls", 20)))
    assert out["n_asked"] == out["n_calls"] <= 20
    topics = contents(out["path"])["topics"]
    assert "budget" in {row[8] for row in topics}


def test_another_seed_is_another_walk(assay, model, asked):
    """The same seed gives the same calls, answers and tree in another store; another seed not."""
    _, (first, other) = asked
    same = completed(assay(*arguments(model)))
    assert contents(first["path"]) == contents(same["path"])
    assert contents(first["path"])["calls"] != contents(other["path"])["calls"]
    drawn = [
        {row[1] for row in contents(one["path"])["calls"] if row[2] != "scored"}
        for one in (first, other)
    ]
    assert not drawn[0] & drawn[1]


def journaled(store):
    """Calls by key with the time they were answered, as another process sees them."""
    found = {}
    for path in store.journals.glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            found |= dict(connection.execute("SELECT call_key, answered_at FROM calls").fetchall())
    return found


def test_killed_at_any_moment_nothing_is_asked_twice(assay, model, tmp_path):
    """kill -9 keeps every answer that had come; run again, the file is as if never killed.

    The last kill falls into the judge's part.
    """
    judge = ("--judge", model, "--store")
    whole = completed(assay(*arguments(model, *judge, tmp_path / "whole")))
    n_judged = sum(row[3].startswith("judging") for row in contents(whole["path"])["calls"])
    assert n_judged >= whole["n_examples"]
    store = Store(tmp_path / "killed")
    n_before = 0
    for n_more in (6, whole["n_calls"] - n_judged):
        process = Forked(*arguments(model, *judge, store.root))
        while len(journaled(store)) < n_before + n_more and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        n_before = len(journaled(store))
    before = journaled(store)
    assert 0 < len(before) < whole["n_calls"]
    _, run = read_running(store)  # the judge's too
    progress = read_progress(run)
    assert 0 < progress.n_calls["topics"] <= len(before)
    resumed = completed(assay(*arguments(model, *judge, store.root)))
    assert resumed["n_asked"] == whole["n_calls"] - len(before)
    after = journaled(store)
    assert {key: after[key] for key in before} == before
    assert contents(resumed["path"]) == contents(whole["path"])
    assert read_running(store) == []


def test_examples_are_marked_and_none_is_deleted(assay, model):
    """Every topic has its example, every example every mark, and every flag leaves it there."""
    out = completed(assay(*arguments(model, "--style", "compare", "--style", "code")))
    with duckdb.connect(out["path"], read_only=True) as connection:
        examples = connection.execute("SELECT * FROM examples").df()
        marks = connection.execute("SELECT * FROM marks").df()
        grades = connection.execute("SELECT * FROM grades").df()
        texts = dict(connection.execute("SELECT call_key, text FROM calls").fetchall())
        topics = dict(connection.execute("SELECT topic_id, name FROM topics").fetchall())
    assert len(examples) == out["n_topics"] == out["n_examples"]
    assert set(examples["style"]) == {"compare", "code"}
    assert len(marks) == len(QualityFlag) * len(examples)
    assert len(grades) == len(Axis) * len(examples)
    assert grades[grades["axis"] == "correctness"]["score"].isna().all()
    assert set(grades["judge"]) == {"heuristic"}
    for example in examples.to_dict("records"):
        assert topics[example["topic_id"]] in example["task"]
        assert example["response"] in texts[example["call_key"]]
    invalid = marks[(marks["mark"] == "validity") & marks["is_flagged"]]["example_id"]
    assert set(invalid) == set(examples[~examples["is_readable"]]["example_id"])


def test_support_stands_beside_what_nonsense_reaches(asked):
    """Made-up topics and names are asked the same way, and their line is kept with the file."""
    _, (out, _) = asked
    with duckdb.connect(out["path"], read_only=True) as connection:
        (lines,) = connection.execute(
            "SELECT value FROM meta WHERE key = 'support_lines'"
        ).fetchone()
        null = connection.execute("SELECT kind, value FROM null_support").df()
        prompts = connection.execute(
            "SELECT prompt FROM calls WHERE stage = 'calibration' AND attempt = 0"
        ).fetchall()
    assert len(prompts) == 6 * N_NONSENSE_TOPICS
    for kind, line in json.loads(lines).items():
        assert (null[null["kind"] == kind]["value"] <= line).mean() >= 0.95


def test_votes_read_anew_are_those_that_were_counted(assay, asked):
    """From the answers in the file every topic's votes come out as the tree has them, and two runs
    can be compared."""
    home, runs = asked
    for out in runs:
        run = read_run(Path(out["path"]))
        topics = {row[0]: row for row in contents(out["path"])["topics"]}
        assert len(run.nodes) == len(topics) - 1
        for node in run.nodes:
            assert run.questions[node.key[:-1]].n_votes(node.form) == topics[node.topic_id][4]
        assert len(run.nonsense) == N_NONSENSE_TOPICS
    names = [out["decompression"] for out in runs]
    said = completed(assay("diff", *names, "--store", home, "--json"))
    assert said["n_questions"] >= 1
    assert said["reported"] == []


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (("--depth", "0"), "--depth"),
        (("--samples", "1"), "--min-votes"),
        (("--budget-calls", "0"), "--budget-calls"),
        (("--temperature", "0"), "--temperature"),
        (("--served-model", "x"), "--served-model"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(assay, model, more, word):
    """Bad options end with status 2 and one sentence, before anything is asked."""
    result = assay(*arguments(model), *more)
    assert result.status == 2
    assert word in result.err.splitlines()[-1]
    assert journaled(Store.default()) == {}
