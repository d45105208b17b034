"""The command line with bad input: one sentence, exit status 2, and nothing lost."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from support.arguments import audit_arguments
from support.command import asked_again
from support.forked import Forked
from support.tiny_models import save_bert

from assay.cache.store import Store
from assay.core.audit.store_lookups import StoreLookups
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import AUDIT
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import to_plain
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import Optimizer


def assert_refused(result, *words):
    assert result.status == 2
    lines = result.err.strip().splitlines()
    message = lines[-1]
    # Contradictions of options have a sentence of their own.
    assert message.startswith(("Expected ", "--")), result.err
    assert "Traceback" not in result.err
    for word in words:
        assert word in message
    assert result.out == ""


def replaced(arguments, option, value):
    arguments = list(arguments)
    arguments[arguments.index(option) + 1] = str(value)
    return arguments


def bad_audits(tiny, folder):
    """Arguments that cannot work, with words their message must hold."""
    standard = audit_arguments(tiny)
    empty = folder / "empty.csv"
    empty.write_text("text\n")
    labels = folder / "labels.csv"
    labels.write_text("text,label\nrain,astronomy\n")
    return {
        "missing file": ([*standard, "--reference", "nowhere.csv"], ("nowhere.csv",)),
        "missing column": ([*standard, "--text-column", "body"], ("body", "text")),
        "empty corpus": ([*standard[:5], "--seed-corpus", empty, "--budget", 3], ("empty.csv",)),
        "budget too large": (replaced(standard, "--budget", 5000), ("200", "5,000")),
        "budget of nothing": (replaced(standard, "--budget", 0), ("at least 1",)),
        "identical models": (replaced(standard, "--final", tiny / "base"), ("same weights",)),
        "unknown label": ([*standard, "--test", labels], ("astronomy",)),
        "unknown device": ([*standard, "--device", "abacus"], ("abacus",)),
        "missing model": (replaced(standard, "--base", folder / "none"), ("model folder",)),
        "words for a head": ([*standard, "--label-words", "A,B,C"], ("classification head",)),
        "idle momentum": ([*standard, "--momentum", 0.9], ("sgd",)),
        "student of no selection": (
            [*standard, "--strategy", "select", "--student-strategy", "top-k"],
            ("top-k", "--strategy"),
        ),
        "students without the main one": (
            [*standard, "--student-strategy", "top-k"],
            ("--student-strategy select",),
        ),
        "other architecture": (
            replaced(standard, "--base", save_bert(folder / "wide", hidden=32)),
            ("hidden_size",),
        ),
    }


CASES = [
    "missing file",
    "missing column",
    "empty corpus",
    "budget too large",
    "budget of nothing",
    "identical models",
    "unknown label",
    "unknown device",
    "missing model",
    "other architecture",
    "words for a head",
    "idle momentum",
    "student of no selection",
    "students without the main one",
]


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained(tiny, assay, tmp_path, case):
    """Each kind of bad input exits with 2, one sentence and no audit."""
    arguments, words = bad_audits(tiny, tmp_path)[case]
    assert_refused(assay(*arguments), *words)
    assert list(Store.default().audits.iterdir()) == []


def test_good_input_after_bad_is_not_hurt(tiny, assay):
    """A refused budget leaves nothing that a right one would trip over."""
    bad = replaced(audit_arguments(tiny, "--strategy", "random"), "--budget", 5000)
    assert assay(*bad).status == 2
    good = assay(*audit_arguments(tiny, "--strategy", "random", "--json"))
    assert good.status == 0, good.err
    said = json.loads(good.out)
    assert set(said) >= {"audit", "path", "assessability", "reasons", "was_there", "metrics"}


def test_one_label_only_is_refused(assay, tiny, tmp_path):
    """A training set with a single label cannot make a classifier."""
    data = tmp_path / "one.csv"
    data.write_text("text,label\nrain,a\nsun,a\n")
    result = assay("finetune", "--base", tiny / "base", "--data", data, "--out", tmp_path / "out")
    assert_refused(result, "two different labels", "'a'")
    assert not (tmp_path / "out").exists()


def test_unknown_options_exit_with_2(assay):
    """Usage errors have the same exit status as bad input."""
    assert assay("audit", "--no-such-option").status == 2
    assert assay("audit").status == 2
    assert assay("audit", "--task", "poetry").status == 2


def test_a_full_disk_is_explained(tiny, assay, small_disk):
    """Too little room for the store is said before the work begins."""
    result = assay(*audit_arguments(tiny, "--store", small_disk))
    assert_refused(result, "MB of free disk space", "--store")


def test_a_disk_that_fills_up_is_explained(tiny, small_disk, monkeypatch):
    """Running out of room in the middle is one sentence and status 2 as well."""
    monkeypatch.setattr("assay.core.audit.run._MIN_FREE_BYTES", 0)
    (small_disk / "filler").write_bytes(b"x" * 7_500_000)
    # A process of its own closes what it has open on the disk.
    process = Forked(*audit_arguments(tiny, "--store", small_disk))
    log = process.stderr.read()
    assert process.wait() == 2, log
    said = log.splitlines()[-1]
    assert said.startswith(f"Expected room to write in {small_disk}")
    assert "MB free" in said
    assert "run the same command again" in said
    assert "Traceback" not in log


def test_a_store_that_cannot_be_written_is_explained(assay, tmp_path):
    """A store inside a file is refused."""
    (tmp_path / "file").write_text("")
    assert_refused(assay("verify", "--store", tmp_path / "file" / "store"), "--store")


def test_unknown_names_are_explained(assay, tmp_path):
    """Audits and jobs that are not there are refused by every command that takes one."""
    assert_refused(assay("verify", "nothing"), "'nothing'")
    assert_refused(assay("export", "nothing", "--out", tmp_path / "x.csv"), "'nothing'")
    assert_refused(assay("export", "../../etc/passwd", "--out", tmp_path / "x.csv"), "passwd")
    assert_refused(assay("jobs", "cancel", "99"), "99")


def test_jobs_are_cancelled_and_resumed_in_their_states_only(assay):
    """A queued job can be cancelled but not resumed; a cancelled one not cancelled again."""
    from assay.cache.jobs import JobState, JobTable

    table = JobTable(Store.default())
    job_id = table.submit(["verify"], "waiting")
    assert_refused(assay("jobs", "resume", job_id), "which is queued")
    assert assay("jobs", "cancel", job_id).status == 0
    assert table.get(job_id).state is JobState.CANCELLED
    assert_refused(assay("jobs", "cancel", job_id), "which is cancelled")


def test_help_names_every_command(assay):
    """`assay --help` lists the commands."""
    help_text = assay("--help").out
    for command in ("demo", "finetune", "audit", "dashboard", "verify", "export", "jobs"):
        assert command in help_text


SPEC = AuditSpec(
    base="b",
    final="f",
    seed_corpus=(DataRef("x.csv"), DataRef("y.csv")),
    n_candidates=20,
    budget=7,
    strategies=(Strategy.SELECT, Strategy.RANDOM),
    reference=DataRef("r.csv", label_column="topic", sample=5),
    n_checkpoints=3,
    is_mapped=False,
    seed=4,
    title="a title",
)


def test_a_spec_is_kept_whole():
    """What is written of a spec survives JSON, has its every field, and differs where it does."""
    plain = to_plain(SPEC)
    assert json.loads(json.dumps(plain)) == plain
    assert set(plain) == {field.name for field in fields(SPEC)}
    others = (replace(SPEC, seed=5), replace(SPEC, reference=None), replace(SPEC, strategies=()))
    assert all(to_plain(other) != plain for other in others)


def test_keys_refuse_what_cannot_be_written():
    """A key of something JSON cannot hold is an error, never a silent miss."""
    assert content_key(1, "a") != content_key("1a")
    for unfit in (object(), float("nan"), {1, 2}):
        with pytest.raises((TypeError, ValueError)):
            content_key(unfit)


def test_the_recorded_command_asks_the_same_question(monkeypatch):
    """The command line kept as provenance parses back to the spec it was made from."""
    assert asked_again(SPEC, monkeypatch) == [SPEC]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"optimizer": Optimizer.ADAMW}, 0.01),
        ({"optimizer": Optimizer.ADAMW, "weight_decay": 0.2}, 0.2),
        ({"optimizer": Optimizer.ADAM}, 0.0),
        ({"learning_rate": 1e-3}, 0.0),
    ],
)
def test_another_optimizer_brings_its_own_decay(tiny, given, expected):
    """AdamW decays where the final model's Adam did not, unless a decay is named."""
    asked = {"base": str(tiny / "base"), "final": str(tiny / "final"), "seed_corpus": ["pool.csv"]}
    training = AUDIT.build({**asked, **given}, StoreLookups(Store.default())).training
    assert training.weight_decay == expected
    assert training.n_epochs == 8  # as recorded
