"""Whole titrations of tiny real models, through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from support.arguments import titrate_arguments
from support.caches import last_layer_caches
from support.command import asked_again, ran
from support.paths import ROOT

from assay.cache.audits.arrays import read_corpus
from assay.cache.audits.read import read_facts
from assay.cache.files.manifest import changed_tables
from assay.cache.store import Store
from assay.core.selection.titration import Corpus, titrate
from assay.core.specs.audit import AuditSpec, TitrationSpec
from assay.core.specs.data import DataRef, Role, Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, strategies_for

RESULTS = ("documents", "scores", "factors", "selections", "blind_scores", "titration_grid")


def ask(path, query, parameters=()):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def contents(path):
    return {table: ask(path, f"SELECT * FROM {table} ORDER BY ALL") for table in RESULTS}


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """A titration with every strategy, and the path of its file."""
    home = tmp_path_factory.mktemp("home")
    done = run(tiny, home, "--seeds", 2)
    assert done.returncode == 0, done.stderr
    return home, Path(json.loads(done.stdout)["path"])


def run(tiny, home, *more, **grid):
    return ran(home, *titrate_arguments(tiny, *more, "--json", **grid))


def test_the_grid_is_whole(whole):
    """Every share, budget, seed and strategy is there, the controls and text alone included."""
    _, path = whole
    assert changed_tables(path) == []
    cells = ask(path, "SELECT DISTINCT leaked_share, budget, strategy, seed FROM titration_grid")
    # No row of the tiny embeddings is known to have stood still.
    every = strategies_for(Task.CLASSIFICATION)
    ran = [strategy for strategy in every if strategy is not Strategy.VOCABULARY_MATCH]
    names = {*map(str, ran), BLIND}
    expected = {
        (share, budget, name, seed)
        for share in (0.0, 0.25, 1.0)
        for budget in (10, 30)
        for name in names
        for seed in (0, 1)
    }
    assert set(cells) == expected
    metrics = {row[0] for row in ask(path, "SELECT DISTINCT metric FROM titration_grid")}
    assert metrics == {
        "recall",
        "precision",
        "lift",
        "domain-auc",
        "domain-precision",
        "membership-auc",
        "membership-precision",
        "transport",
    }
    assert ask(path, "SELECT DISTINCT source FROM documents ORDER BY 1") == [
        (role,) for role in ("held-out", "out-of-domain", "trained")
    ]
    undefined = "SELECT count(*) FROM titration_grid WHERE leaked_share = 0 AND metric = 'recall'"
    assert ask(path, undefined) == [(0,)]


def test_the_grid_is_what_the_page_computes(whole):
    """Selecting anew from the sealed file gives each cell's figures, number by number."""
    _, path = whole
    facts = read_facts(path)
    arrays = read_corpus(path, facts.spec.held_out_source)
    corpus = Corpus.of(arrays, facts.meta.training.batch_size)
    for share, name, seed in ((0.25, "select", 1), (1.0, BLIND, 0), (0.0, "select-plus", 1)):
        figures = titrate(corpus, share, 30, name, seed).figures
        stored = ask(
            path,
            "SELECT metric, value, low, p_value FROM titration_grid WHERE leaked_share = ? "
            "AND budget = 30 AND strategy = ? AND seed = ?",
            [share, name, seed],
        )
        assert len(stored) == len(figures) > 0
        for metric, *values in stored:
            figure = figures[Metric(metric)]
            assert [figure.value, figure.low, figure.p_value] == values


def test_roles_are_those_of_the_files(whole, tiny):
    """Trained documents are those of the reference file, held-out ones those of theirs."""
    _, path = whole
    for role, name in (("trained", "train"), ("held-out", "held-out"), ("out-of-domain", "noise")):
        texts = {json.loads(line)["text"] for line in (tiny / f"{name}.jsonl").open()}
        stored = {t for (t,) in ask(path, "SELECT text FROM documents WHERE source = ?", [role])}
        assert stored == texts


def test_asking_again_computes_nothing_and_an_audit_shares_the_gradients(
    whole, tiny, assay, monkeypatch
):
    """The same question finds the file; another grid takes every gradient from the cache."""
    home, path = whole
    monkeypatch.setenv("ASSAY_HOME", str(home))
    again = assay(*titrate_arguments(tiny, "--seeds", 2, "--json"))
    assert json.loads(again.out)["was_there"] is True
    (cached,) = last_layer_caches(Store(home))
    before = ask(cached, "SELECT * FROM rows ORDER BY ALL")
    other = assay(*titrate_arguments(tiny, "--seeds", 1, "--strategy", "select", "--json"))
    assert other.status == 0, other.err
    assert json.loads(other.out)["path"] != str(path)
    assert ask(cached, "SELECT * FROM rows ORDER BY ALL") == before
    names = ask(json.loads(other.out)["path"], "SELECT DISTINCT strategy FROM titration_grid")
    assert {row[0] for row in names} == {"select", "random", "p-min", BLIND}


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(whole, tiny, tmp_path):
    """Killed in the grid and run again, a titration ends with the same rows and computes no
    gradient twice."""
    _, smooth = whole
    command = [sys.executable, "-m", "assay", *titrate_arguments(tiny, "--seeds", 2)]
    environment = {**os.environ, "ASSAY_HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert any("titration …" in line for line in process.stderr)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(Store(tmp_path).audits.iterdir()) == []
    done = run(tiny, tmp_path, "--seeds", 2)
    assert done.returncode == 0, done.stderr
    assert "gradients done" not in done.stderr
    assert contents(json.loads(done.stdout)["path"]) == contents(smooth)


def test_students_are_trained_for_every_cell(tiny, tmp_path):
    """With --students each cell has an accuracy with its interval; without, none has."""
    options = ("--students", "--student-epochs", 2, "--test", tiny / "test.jsonl")
    grid = {"shares": ["0.5", "1"], "budgets": ["10"]}
    done = run(tiny, tmp_path, "--seeds", 1, "--strategy", "select", *options, **grid)
    assert done.returncode == 0, done.stderr
    path = json.loads(done.stdout)["path"]
    rows = ask(
        path,
        "SELECT leaked_share, budget, strategy, value, low, high FROM titration_grid "
        "WHERE metric = 'accuracy'",
    )
    assert len({row[:3] for row in rows}) == 2 * 1 * 4
    assert all(low <= value <= high for *_, value, low, high in rows)
    students = ask(path, "SELECT count(*) FROM metrics WHERE metric = 'accuracy'")
    assert students == [(3 + 2,)]  # three strategies of the whole pool, base and final


def bad_titrations(tiny, folder):
    """Arguments that cannot work, with words their message must hold."""
    empty = folder / "empty.csv"
    empty.write_text("text\n")
    train = tiny / "train.jsonl"
    return {
        "share above one": (["--leaked-share", 1.5], ("from 0 to 1", "1.5")),
        "share of nothing alone": (["--leaked-share", 0], ("above 0",), True),
        "budget of nothing": (["--budget", 0], ("at least 1",)),
        "budget above the smallest pool": (["--budget", 150], ("140", "smallest pool", "150")),
        "no seeds": (["--seeds", 0], ("at least one seed",)),
        "students without a test set": (["--students"], ("--test",)),
        "missing file": (["--held-out", "nowhere.csv"], ("nowhere.csv",)),
        "empty file": (["--held-out", empty], ("empty.csv",)),
        "held-out that was trained on": (["--held-out", train], ("held-out", "none", "--held-out")),
        "out-of-domain that was trained on": (
            ["--out-of-domain", train],
            ("out-of-domain", "0", "--out-of-domain"),
            True,
        ),
    }


@pytest.mark.parametrize("case", list(bad_titrations(Path(), Path("/tmp"))))
def test_bad_input_is_explained(tiny, assay, tmp_path, case):
    """Each kind of bad input exits with 2, one sentence and no audit."""
    more, expected, *is_alone = bad_titrations(tiny, tmp_path)[case]
    arguments = titrate_arguments(tiny)
    if is_alone:  # the option replaces those of the standard titration
        while more[0] in arguments:
            at = arguments.index(more[0])
            del arguments[at : at + 2]
    result = assay(*arguments, *map(str, more))
    assert result.status == 2, result.err
    message = result.err.strip().splitlines()[-1]
    assert message.startswith(("Expected ", "--"))
    for word in expected:
        assert word in message
    assert list(Store.default().audits.iterdir()) == []


SPEC = AuditSpec(
    base="b",
    final="f",
    seed_corpus=(
        DataRef("r.csv", sample=9, source=Role.TRAINED),
        DataRef("h.csv", sample=8, source=Role.HELD_OUT),
        DataRef("x.csv", source=Role.OUT_OF_DOMAIN),
        DataRef("y.csv", source=Role.OUT_OF_DOMAIN),
    ),
    budget=7,
    strategies=(Strategy.RANDOM, Strategy.P_MIN, Strategy.SELECT),
    reference=DataRef("r.csv", label_column="topic", sample=9),
    test=DataRef("t.csv", label_column="topic"),
    held_out_source=Role.HELD_OUT,
    n_student_epochs=4,
    seed=2,
    title="a title",
    titration=TitrationSpec((0.1, 0.5), (7, 3), 2),
)


def test_the_recorded_command_asks_the_same(monkeypatch):
    """A titration's spec comes back from the command kept as provenance."""
    assert asked_again(SPEC, monkeypatch) == [SPEC]
