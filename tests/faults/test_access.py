"""Stores that may only be read, folders of the user, settings, and what scripts rely on."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
import traceback

import pytest
from support.arguments import audit_arguments
from support.audit_file import write_sample_audit
from support.forked import Forked
from support.tiny_models import save_bert

from assay.cache.annotations.annotations import (
    Annotated,
    change_tags,
    delete_annotations,
    read_annotations,
    set_mark,
    set_note,
)
from assay.cache.annotations.saved_views import delete_view, list_views, rename_view, save_view
from assay.cache.audits.model_pair import same_pair
from assay.cache.audits.read import audit_path, list_audits
from assay.cache.audits.repeats import repeats_of
from assay.cache.contents import contents
from assay.cache.files.database import FileInUse, open_to_read, open_to_write
from assay.cache.files.manifest import verify_audits
from assay.cache.files.sealed import delete_audit
from assay.cache.jobs import JobTable
from assay.cache.store import ReadOnlyStore, Store
from assay.core.errors import InputError
from assay.core.report.render import render_report
from assay.core.runtime.settings import count_from
from assay.core.specs.annotations import Annotation, Mark, SavedView

NOBODY = 65534
is_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_store_is_for_its_owner_alone(tmp_path):
    """The root and each folder of a new store can be entered by nobody else."""
    store = Store(tmp_path / "deep" / "home")
    for folder in (store.audits, store.journals, store.building, store.root):
        assert mode(folder) == 0o700
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    assert Store(shared).audits.is_dir()
    assert mode(shared) == 0o755  # whoever made it has chosen


def test_the_command_line_makes_a_private_store(tmp_path, assay):
    """So is a store that a command makes."""
    assert assay("list", "--store", tmp_path / "new").status == 0
    assert mode(tmp_path / "new") == 0o700


def test_what_is_only_read_is_not_changed(tmp_path):
    """A store for reading is listed as any other, and every change of it is refused."""
    own = Store(tmp_path / "home")
    write_sample_audit(own)
    JobTable(own).submit(["demo"], "Demo")
    about = Annotated.decompression("one")
    set_mark(own, about, "1", Mark.ACCEPTED)
    save_view(own, SavedView("mine", "map", ()))
    store = Store.to_read(own.root)
    assert [one.audit_id for one in list_audits(store)] == ["sample"]
    assert [job.title for job in JobTable(store).all()] == ["Demo"]
    assert read_annotations(store, about) == {"1": Annotation(Mark.ACCEPTED)}
    assert [view.name for view in list_views(store)] == ["mine"]
    JobTable(store).sweep_lost()
    for change in (
        lambda: delete_audit(store, "sample"),
        lambda: JobTable(store).submit(["demo"], "Demo"),
        lambda: JobTable(store).request_cancel(1),
        lambda: set_mark(store, about, "1", None),
        lambda: set_note(store, about, "1", "a note"),
        lambda: change_tags(store, about, "1", ["a tag"]),
        lambda: delete_annotations(store, about),
        lambda: save_view(store, SavedView("other", "map", ())),
        lambda: rename_view(store, "mine", "other"),
        lambda: delete_view(store, "mine"),
    ):
        with pytest.raises(ReadOnlyStore):
            change()


def test_an_empty_folder_can_be_read_as_a_store(tmp_path):
    """A store for reading that holds nothing is an empty one, and stays without folders."""
    store = Store.to_read(tmp_path)
    assert list_audits(store) == []
    assert JobTable(store).all() == []
    assert store.suspect_tests.all() == []
    assert not list(tmp_path.iterdir())


@is_root
def test_another_user_s_store_is_read(tmp_path):
    """Somebody who may not write to a store can list it, verify it and make reports of it."""
    store = Store(tmp_path / "home")
    write_sample_audit(store)
    JobTable(store).submit(["demo"], "Demo")
    for path in [*tmp_path.parents[:3], tmp_path, *tmp_path.rglob("*")]:
        path.chmod(mode(path) | (0o055 if path.is_dir() else 0o044))

    def of_nobody():
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        theirs = Store.at(store.root)
        assert theirs.is_for_reading
        found = contents(theirs)
        assert [line["id"] for line in found["audits"]] == ["sample"]
        assert [check.is_intact for check in verify_audits(theirs)] == [True]
        assert [job.title for job in JobTable(theirs).all()] == ["Demo"]
        path = audit_path(theirs, "sample")
        known = same_pair(theirs, path)
        assert "Sample audit" in render_report(theirs, path, known, repeats_of(theirs, path))

    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            of_nobody()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def finetune_arguments(tiny, out, *more):
    return [
        *("finetune", "--base", tiny / "base", "--data", tiny / "train.jsonl", "--out", out),
        *("--sample", "32", "--epochs", "1", "--max-tokens", "16", "--precision", "fp32", *more),
    ]


def test_what_lies_beside_the_model_is_left_alone(tiny, tmp_path, assay):
    """Fine-tuning makes the folders above --out and removes nothing of the user's beside it."""
    beside = tmp_path / "deep" / "final.partial"
    beside.mkdir(parents=True)
    (beside / "thesis.txt").write_text("the only copy")
    out = tmp_path / "deep" / "final"
    result = assay(*finetune_arguments(tiny, out, "--json"))
    assert result.status == 0, result.err
    assert (beside / "thesis.txt").read_text() == "the only copy"
    assert sorted(path.name for path in out.parent.iterdir()) == ["final", "final.partial"]
    assert json.loads(result.out)["epochs"][0]["train_loss"] > 0
    assert assay(*finetune_arguments(tiny, tmp_path / "a/b/c/final")).status == 0


def test_a_diverged_model_is_a_failure(tiny, tmp_path, assay):
    """Weights that are no numbers are not kept, and the sentence says what to change."""
    out = tmp_path / "final"
    options = ("--optimizer", "sgd", "--learning-rate", "1e30", "--epochs", "3", "--json")
    result = assay(*finetune_arguments(tiny, out, *options))
    assert result.status == 1
    assert "diverged" in json.loads(result.out)["error"]
    assert "--learning-rate" in result.err
    assert list(tmp_path.glob("*final*")) == []


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["report", "nothing", "--out", "a.html"], 2),
        (["audit"], 2),
        (["nonsense"], 2),
        (["jobs", "cancel", "7"], 2),
        (["verify", "nothing"], 2),
        (["list", "--store", "/dev/null/x"], 2),
        (["export", "x", "--out", "/dev/zero"], 2),
        (["finetune", "--base", "none", "--data", "none", "--out", "x"], 2),
    ],
)
def test_errors_are_json_too(tmp_path, monkeypatch, assay, arguments, status):
    """With --json every failure prints one JSON object on stdout, its sentence on stderr."""
    monkeypatch.chdir(tmp_path)
    result = assay(*arguments, "--json")
    said = json.loads(result.out)
    assert (result.status, said["status"]) == (status, status)
    assert said["error"]
    assert result.err.strip()
    without = assay(*arguments)
    assert without.status == status
    assert not without.out.startswith("{")


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "99999999999999", "１", "0x2"])
def test_variables_are_checked_like_options(monkeypatch, value):
    """A number of threads or processes that is none is bad input, and named."""
    monkeypatch.setenv("ASSAY_WORKERS", value)
    if value == "１":
        assert count_from("ASSAY_WORKERS") == 1
        return
    with pytest.raises(InputError, match="ASSAY_WORKERS"):
        count_from("ASSAY_WORKERS")


def test_a_wrong_variable_ends_a_command_before_its_work(tiny, monkeypatch, tmp_path, assay):
    """Status 2 and a sentence, not a traceback after half an hour."""
    monkeypatch.setenv("ASSAY_WORKERS", "many")
    result = assay(*finetune_arguments(tiny, tmp_path / "final"))
    assert result.status == 2
    assert "ASSAY_WORKERS" in result.err
    monkeypatch.setenv("ASSAY_WORKERS", "1")
    monkeypatch.setenv("ASSAY_JOB_ID", "seven")
    assert assay(*finetune_arguments(tiny, tmp_path / "final")).status == 2


def test_not_assessable_has_a_status_of_its_own(tiny, tmp_path, assay):
    """Of a final model and a base it does not come from nothing can be said: done, status 3."""
    arguments = audit_arguments(tiny, "--json")
    arguments[arguments.index("--base") + 1] = str(save_bert(tmp_path / "stranger", seed=5))
    result = assay(*arguments)
    assert result.status == 3, result.err
    assert json.loads(result.out)["assessability"] == "not assessable"


def test_results_hold_every_figure(tiny, assay):
    """`audit --json` prints all metrics with their intervals and nulls, and only numbers."""
    result = assay(*audit_arguments(tiny, "--no-map", "--student-epochs", "0", "--json"))
    assert result.status == 0, result.err
    said = json.loads(result.out, parse_constant=pytest.fail)
    assert {"subject", "metric", "value", "low", "high", "null_low"} <= said["metrics"][0].keys()
    assert said["counts"]["n_documents"] == 200


def test_an_interruption_says_that_the_command_continues(tiny, tmp_path):
    """Ctrl-C ends a command with the sentence that the same command goes on, and no traceback."""
    arguments = audit_arguments(tiny, "--student-epochs", "200")
    process = Forked(*arguments, ASSAY_HOME=str(tmp_path / "home"))
    for line in process.stderr:
        if "…" in line:
            break
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 1
    assert "the same command continues" in said
    assert "Traceback" not in said


def test_a_file_that_this_process_writes_is_said_to_be_its_own(tmp_path):
    """Read while it is open to be written here, a file is in use, not damaged, and no other program
    is blamed; closed, it can be read."""
    path = write_sample_audit(Store(tmp_path))
    path.chmod(0o600)
    with open_to_write(path):
        with pytest.raises(FileInUse, match="this very process") as told, open_to_read(path):
            pass
        assert "another program" not in str(told.value)
        assert not told.value.is_damaged
    with open_to_read(path) as connection:
        assert connection.execute("SELECT count(*) FROM meta").fetchall()[0][0] > 0
