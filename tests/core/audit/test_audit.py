"""Whole audits of tiny real models, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from support.arguments import audit_arguments, with_truth
from support.caches import last_layer_caches
from support.command import ran
from support.contents import contents
from support.stages import stages_of
from support.tiny_models import save_gpt2

from assay.cache.audits.read import read_facts
from assay.cache.files.manifest import changed_tables
from assay.cache.store import Store
from assay.core.audit.durations import audit_plan
from assay.core.audit.provenance import environment
from assay.core.audit.stages import students
from assay.core.audit.stages.student_training import train_student
from assay.core.runtime.device import Compute
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy, strategies_for
from assay.core.specs.training import LORA_STUDENTS

pytestmark = pytest.mark.usefixtures("tiny_encoder")

# No row of the tiny models' embeddings is known to have stood still, so there is no vocabulary.
RAN = [one for one in strategies_for(Task.CLASSIFICATION) if one is not Strategy.VOCABULARY_MATCH]
FEW = ["--strategy", "random", "--strategy", "select"]
_CURVE = (
    "SELECT mean FROM replacement_curve WHERE metric = '{}' AND replaced_by = 'pool' "
    "ORDER BY replaced_share"
)


def ask(path, query):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """One audit with all strategies and all truth, through the command line."""
    home = tmp_path_factory.mktemp("home")
    done = ran(home, *audit_arguments(tiny, *with_truth(tiny), "--json"))
    assert done.returncode == 0, done.stderr
    return home, json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def plain(tiny, tmp_path_factory):
    """An audit of two strategies and one student without any truth, early stopping or map."""
    options = (*FEW, "--student-strategy", "select", "--no-early-stopping", "--no-map", "--json")
    done = ran(tmp_path_factory.mktemp("plain"), *audit_arguments(tiny, *options))
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["path"])


def test_an_audit_holds_everything(whole):
    """Each strategy has a full selection, a student and metrics, and the manifest verifies."""
    home, said, progress = whole
    path = Path(said["path"])
    assert path.parent == Store(home).audits
    assert changed_tables(path) == []
    counts = dict(ask(path, "SELECT strategy, count(*) FROM selections GROUP BY 1"))
    assert set(counts) == {str(strategy) for strategy in RAN}
    assert all(count <= 30 for count in counts.values())
    assert counts["select"] == counts["random"] == 30
    students = ask(path, "SELECT count(DISTINCT strategy) FROM student_epochs WHERE is_best")
    # Random has one student more for each further draw.
    assert students == [(len(RAN) + AuditSpec.n_random_students - 1,)]
    metrics = ask(path, "SELECT DISTINCT metric FROM metrics WHERE subject = 'select'")
    assert {
        "accuracy",
        "agreement",
        "transport",
        "embedding-recall",
        "containment",
        "overlap",
        "imbalance",
        "cosine",
        "recall",
        "precision",
        "lift",
        "membership-precision",
        "domain-precision",
    } <= {row[0] for row in metrics}
    for stage in ("gradients", "students", "measure"):
        assert f"{stage} done" in progress


def test_every_stage_ran_where_the_plan_has_it(whole):
    """The plan, which the time left rests on, names all stages in the order in which they ran."""
    _, said, progress = whole
    plan = audit_plan(read_facts(Path(said["path"])).spec)
    assert stages_of(progress) == [stage for stage, seconds in plan.items() if seconds]


def test_every_distance_has_its_yardstick(whole):
    """Transport rises and containment falls as true data is replaced, held-out text has its point,
    and each document of pool and reference set its place."""
    path = Path(whole[1]["path"])
    curves = {
        metric: [row[0] for row in ask(path, _CURVE.format(metric))]
        for metric in ("transport", "containment")
    }
    assert all(len(curve) == 11 for curve in curves.values())
    assert curves["transport"][0] < curves["transport"][-1]
    assert curves["containment"][0] >= curves["containment"][-1]
    held_out = ask(path, "SELECT n FROM replacement_curve WHERE replaced_by = 'held-out'")
    assert held_out == [(30,), (30,)]
    assert ask(path, "SELECT set_name, count(*) FROM map_points GROUP BY 1 ORDER BY 1") == [
        ("reference", 160),
        ("seed-corpus", 200),
    ]
    exact = "SELECT count(DISTINCT document_id) FROM near_duplicates WHERE jaccard = 1"
    assert ask(path, exact)[0][0] >= 60
    ((last, null),) = ask(
        path,
        "SELECT mean, null_value FROM random_objective, metrics WHERE n_selected = 30 "
        "AND metric = 'cosine' AND subject = 'random'",
    )
    assert last == null


def test_located_documents_are_those_of_the_reference(whole, tiny):
    """Recall and precision follow from which selected texts stand in the training file."""
    path = Path(whole[1]["path"])
    used = {json.loads(line)["text"] for line in (tiny / "train.jsonl").open()}
    pool = [row[0] for row in ask(path, "SELECT text FROM documents")]
    n_leaked = sum(text in used for text in pool)
    assert n_leaked == 60
    for strategy in ("random", "select"):
        selected = [
            row[0]
            for row in ask(
                path,
                "SELECT text FROM selections JOIN documents USING (document_id) "
                f"WHERE strategy = '{strategy}'",
            )
        ]
        n_located = sum(text in used for text in selected)
        values = dict(ask(path, f"SELECT metric, value FROM metrics WHERE subject = '{strategy}'"))
        assert values["recall"] == pytest.approx(n_located / n_leaked)
        assert values["precision"] == pytest.approx(n_located / len(selected))


def test_the_final_model_learned_and_select_points_to_it(whole):
    """The fine-tuned model beats its base; SELECT's sum aligns better than chance and every
    strategy that does not look at sums, and SELECT+'s weights better still."""
    path = Path(whole[1]["path"])
    accuracy = dict(ask(path, "SELECT subject, value FROM metrics WHERE metric = 'accuracy'"))
    assert accuracy["final"] > accuracy["base"] + 0.2
    cosine = dict(ask(path, "SELECT subject, value FROM metrics WHERE metric = 'cosine'"))
    assert cosine["select"] > max(cosine[name] for name in ("random", "top-k", "p-min", "p-max"))
    assert max(cosine, key=cosine.get) == "select-plus"
    ((null_high,),) = ask(
        path, "SELECT null_high FROM metrics WHERE metric = 'cosine' AND subject = 'select'"
    )
    assert cosine["select"] > null_high >= cosine["p-max"]


def test_asking_again_computes_nothing(whole, tiny, assay, monkeypatch):
    """The same question finds the sealed audit; a changed one does not."""
    home, said, _ = whole
    monkeypatch.setenv("ASSAY_HOME", str(home))
    again = assay(*audit_arguments(tiny, *with_truth(tiny), "--json"))
    assert json.loads(again.out) == {**said, "was_there": True}
    assert "gradients" not in again.err


def test_a_second_audit_computes_only_new_documents(whole, tiny, assay, monkeypatch, tmp_path):
    """A larger corpus adds rows to the gradient cache and leaves those it had untouched."""
    home, _, _ = whole
    monkeypatch.setenv("ASSAY_HOME", str(home))
    (cached,) = last_layer_caches(Store(home))
    before = ask(cached, "SELECT text_hash, block FROM rows ORDER BY ALL")
    extra = tmp_path / "extra.csv"
    extra.write_text("text\n" + "".join(f"thunder over the oven number {n}\n" for n in range(25)))
    result = assay(
        *audit_arguments(tiny, "--seed-corpus", extra, *FEW, "--student-epochs", 0, "--json")
    )
    assert result.status == 0, result.err
    (again,) = last_layer_caches(Store(home))
    after = ask(again, "SELECT text_hash, block FROM rows ORDER BY ALL")
    assert set(before) < set(after)
    assert len(after) == len(before) + 25


def test_without_truth_everything_else_works(plain):
    """With neither reference nor test set, selections, students and agreement are there."""
    metrics = {row[0] for row in ask(plain, "SELECT DISTINCT metric FROM metrics")}
    assert {"agreement", "cosine", "imbalance"} <= metrics
    assert not {"accuracy", "recall", "transport"} & metrics


def test_causal_models_with_label_words(tiny, assay, tmp_path):
    """The paper's set-up: a causal model fine-tuned on label words is audited with the same."""
    save_gpt2(tmp_path / "base")
    made = assay(
        "finetune",
        "--base",
        tmp_path / "base",
        "--data",
        tiny / "train.jsonl",
        "--out",
        tmp_path / "final",
        "--epochs",
        2,
        "--learning-rate",
        3e-3,
        "--max-tokens",
        24,
        "--label-words",
        "A,B,C",
        "--precision",
        "fp32",
    )
    assert made.status == 0, made.err
    arguments = audit_arguments(tiny, *with_truth(tiny), *FEW, "--checkpoints", 2, "--no-map")
    arguments += ["--student-epochs", "1", "--json"]
    arguments[2], arguments[4] = str(tmp_path / "base"), str(tmp_path / "final")
    result = assay(*arguments)
    assert result.status == 0, result.err
    path = json.loads(result.out)["path"]
    assert ask(path, "SELECT count(DISTINCT checkpoint) FROM factors") == [(2,)]
    values = dict(ask(path, "SELECT subject, value FROM metrics WHERE metric = 'cosine'"))
    assert values["select"] > values["random"]


def test_damaged_files_are_set_aside_and_rebuilt(tiny, assay):
    """Changed bytes in the gradient cache are noticed, and an audit that cannot be opened is never
    half-read: both files are kept aside and made again, with the same numbers."""
    arguments = audit_arguments(tiny, *FEW, "--student-epochs", 0, "--no-map", "--json")
    first = json.loads(assay(*arguments).out)
    store = Store.default()
    before = contents(first["path"])
    (cached,) = last_layer_caches(store)
    with duckdb.connect(str(cached)) as connection:
        connection.execute("UPDATE arrays SET sha256 = 'wrong' WHERE block = 0")
    Path(first["path"]).chmod(0o600)
    Path(first["path"]).write_bytes(b"not a database")
    assert assay("verify").status == 1
    again = assay(*arguments)
    assert again.status == 0, again.err
    assert json.loads(again.out)["was_there"] is False
    assert "damaged" in again.err
    aside = sorted(path.name.split("-")[0] for path in store.quarantine.glob("*.duckdb"))
    assert len(aside) == 2, aside
    after = contents(first["path"])
    assert np.array_equal(before["selections"], after["selections"])
    assert assay("verify").status == 0


def test_students_stand_beside_those_of_five_random_selections(whole):
    """Each student's outcomes are kept, its lead is over the mean of five random ones,
    and every value measured of selections has a p-value among 599 random draws."""
    path = Path(whole[1]["path"])
    rates = dict(
        ask(path, "SELECT student, sum(outcome) / sum(n_targets) FROM student_outcomes GROUP BY 1")
    )
    random = [rate for name, rate in rates.items() if name.startswith("random")]
    assert len(random) == 5
    assert len(set(random)) > 1
    accuracies = dict(ask(path, "SELECT subject, value FROM metrics WHERE metric = 'accuracy'"))
    assert accuracies["random-students"] == pytest.approx(np.mean(random))
    assert accuracies["select"] == pytest.approx(rates["select"])
    leads = ask(
        path,
        "SELECT metric, subject, value, p_value FROM metrics WHERE metric LIKE 'student-lead%'",
    )
    assert len(leads) == 2 * len(RAN) - 3
    for metric, subject, value, p_value in leads:
        other = np.mean(random) if metric.endswith("random") else rates["select"]
        assert value == pytest.approx(rates[subject] - other)
        assert 0 <= p_value <= 1
    for metric in ("transport", "containment", "cosine", "imbalance", "embedding-recall"):
        found = ask(path, f"SELECT null_kind, p_value FROM metrics WHERE metric = '{metric}'")
        assert {kind for kind, _ in found} == {"599 random selections"}
        assert all(2 / 600 <= p_value <= 1 for _, p_value in found)


def test_without_early_stopping_or_map_there_is_none(whole, plain):
    """No document is held back, every epoch is run, and the last one is kept; no place is sought
    for any document; of two strategies, only the one that is asked for has a student."""
    query = "SELECT validation_loss FROM student_epochs WHERE strategy = 'select'"
    stopped = ask(Path(whole[1]["path"]), query)
    assert stopped
    assert all(loss is not None for (loss,) in stopped)
    query = "SELECT epoch, validation_loss, is_best FROM student_epochs ORDER BY epoch"
    assert ask(plain, query) == [
        (0, None, False),
        (1, None, False),
        (2, None, True),
    ]
    places = [
        ask(path, "SELECT count(*) FROM map_points") for path in (Path(whole[1]["path"]), plain)
    ]
    assert places[0] != places[1] == [(0,)]


def test_another_question_of_the_same_selections_trains_no_student_again(assay, tiny, monkeypatch):
    """With another held-out source, students and map come from the cache, equal in every value;
    with another number of epochs or an adapter, the student is trained, and the audit says how."""
    trained = []

    def counting(task, *more):
        trained.append(task.name)
        return train_student(task, *more)

    monkeypatch.setattr(students, "train_student", counting)
    alone = ("--strategy", "select", "--reference", tiny / "train.jsonl", "--json")
    first = assay(*audit_arguments(tiny, *alone))
    assert trained == ["select"]
    asked = ("--held-out-source", "held-out")
    second = assay(*audit_arguments(tiny, *alone, *asked))
    assert trained == ["select"]
    paths = [json.loads(result.out)["path"] for result in (first, second)]
    assert paths[0] != paths[1]
    for table in ("student_epochs", "student_outcomes", "map_points"):
        rows = [ask(path, f"SELECT * FROM {table} ORDER BY ALL") for path in paths]
        assert rows[0] == rows[1] != []
    arguments = audit_arguments(tiny, *alone, *asked)
    arguments[arguments.index("--student-epochs") + 1] = "2"
    assay(*arguments)
    assert trained == ["select", "select"]
    adapted = assay(*audit_arguments(tiny, *alone, *asked, "--student-adapter", "lora"))
    assert trained == ["select", "select", "select"]
    assert LORA_STUDENTS in read_facts(Path(json.loads(adapted.out)["path"])).meta.caveats
    assert LORA_STUDENTS not in read_facts(Path(paths[1])).meta.caveats


def test_a_projection_changes_the_selection_and_shares_the_gradients(
    whole, tiny, assay, monkeypatch
):
    """--projection-dimension selects from estimates: few dimensions give another selection, many
    nearly the exact one, and no gradient is computed again. No student is trained where none is
    asked for."""
    home, said, _ = whole
    monkeypatch.setenv("ASSAY_HOME", str(home))
    query = "SELECT document_id FROM selections WHERE strategy = 'select'"
    exact = {row[0] for row in ask(Path(said["path"]), query)}
    n_shared = []
    for dimension in (3, 30_000):
        options = ("--strategy", "select", "--projection-dimension", dimension, "--no-map")
        result = assay(*audit_arguments(tiny, *options, "--student-epochs", 0, "--json"))
        assert result.status == 0, result.err
        path = json.loads(result.out)["path"]
        assert ask(path, "SELECT count(*) FROM student_epochs") == [(0,)]
        n_shared.append(len(exact & {row[0] for row in ask(json.loads(result.out)["path"], query)}))
    assert n_shared[0] < n_shared[1]
    assert n_shared[1] >= 20
    assert len(list(last_layer_caches(Store(home)))) == 1
    refused = assay(*audit_arguments(tiny, *FEW, "--projection-dimension", 2))
    assert refused.status == 2
    assert "projection dimension of at least 3" in refused.err


def test_provenance_needs_no_git(monkeypatch):
    """A machine without git audits as well: the commit is then unknown, and all else is told."""
    with_git = environment(Compute("cpu", is_bf16=False, n_threads=1))
    monkeypatch.setenv("PATH", "/nowhere")
    without = environment(Compute("cpu", is_bf16=False, n_threads=1))
    assert without == {**with_git, "commit": None}
