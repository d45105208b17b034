"""The Jobs page: what a job made is one click away, and what is shown of it can be told apart."""

from __future__ import annotations

import re
import sqlite3
from urllib.parse import parse_qsl

import pytest
from support.audit_file import write_sample_audit
from support.full_store import fill
from support.pages import opened, words
from support.suspect_record import write_sample_suspects

from assay.cache.diffs.read import list_diffs
from assay.cache.experiments.read import list_experiments
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.specs.data import DataRef
from assay.core.specs.suspect import SuspectSpec
from assay.pages.components.jobs import RESULTS
from assay.pages.components.labels import distinct_labels

MISSING = re.compile("There is no .{1,20} named|this page has no|cannot be read")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("full"))
    fill(store)
    table = JobTable(store)
    for job in table.all():
        table.remove(job.job_id)
    return store


def ended(store, command, result=None, state=JobState.DONE):
    table = JobTable(store)
    job_id = table.begin(command, " ".join(command))
    if result:
        table.attach_result(job_id, result)
    table.finish(job_id, state)
    return job_id


def links(app):
    """Where the links of the jobs lead: page and what its address holds."""
    labels = {one.label for one in RESULTS.values()}
    return {
        (one.proto.page, tuple(parse_qsl(one.proto.query_string)))
        for one in app.get("page_link")
        if one.proto.label in labels
    }


@pytest.mark.parametrize(
    ("command", "kind"),
    [("suspect", "Suspect test"), ("finetune", "Fine-tuning"), ("demo", "Demo")],
)
def test_a_job_says_of_which_kind_it_is(command, kind):
    """Also where only a terminal starts such jobs."""
    number = ended(Store.default(), [command, "--base", "a"])
    assert f"{kind} · job {number} · " in words(opened("jobs"))


def test_every_kind_of_job_leads_to_what_it_made(full, monkeypatch):
    """One link each, and the page that it opens has the result."""
    monkeypatch.setenv("ASSAY_HOME", str(full.root))
    diff = list_diffs(full)[0]
    run = next(one for one in list_experiments(full) if one.meta.recipe == "main-classification")
    made = {
        ("audit",): "sample",
        ("demo", "--no-serve"): "sample",
        ("titrate", "--base", "b"): "titrated",
        ("rank-corpora",): "ranked",
        ("suspect",): full.suspect_tests.all()[0].test_id,
        ("decompress",): "sample",
        ("grade", "sample"): "sample",
        ("diff", "--noise", "a-1", "a-0", "b"): diff.path.stem,
        ("echo",): full.echoes.all()[0].echo_id,
        ("experiment", "--seeds", "1", "main-classification"): run.experiment_id,
        ("report", "sample", "--out", "x.html"): None,
    }
    assert {command[0] for command in made} == set(RESULTS)
    for command, result in made.items():
        job_id = ended(full, command, result)
        ((page, query),) = links(opened("jobs"))
        assert page == RESULTS[command[0]].page
        shown = words(opened(page, **dict(query)))
        assert not MISSING.search(shown), (command, query)
        JobTable(full).remove(job_id)


def test_a_refused_suspect_test_can_be_read(store):
    """It has failed, and its record says why; a job that failed without a result has no link."""
    record = write_sample_suspects(store, is_apart=True)
    ended(store, ["suspect"], record.test_id, JobState.FAILED)
    ended(store, ["audit"], "never-made", JobState.FAILED)
    assert links(opened("jobs")) == {("suspects", (("test", record.test_id),))}


def test_a_result_that_was_deleted_has_no_link(store):
    """Nothing leads to a page that says that there is no such thing."""
    path = write_sample_audit(store)
    ended(store, ["audit"], "sample")
    assert len(links(opened("jobs"))) == 1
    path.unlink()
    assert not links(opened("jobs"))


def test_reports_on_all_audits_say_where_they_are(store):
    """They are files of the machine, which no page shows."""
    job_id = ended(store, ["report", "--all", "site"])
    JobTable(store).get(job_id).log.write_text("reports done\nWrote 2 reports, listed in site/x\n")
    app = opened("jobs")
    assert not links(app)
    assert "Wrote 2 reports, listed in site/x" in words(app).replace("\\", "")


def test_a_report_says_where_it_is(store):
    """The page shows the audit's report; the file that was asked for is named beside the link."""
    write_sample_audit(store)
    job_id = ended(store, ["report", "sample", "--out", "x.html"])
    JobTable(store).get(job_id).log.write_text("report done\nWrote /data/x.html\nSHA-256 of it\n")
    app = opened("jobs")
    assert links(app) == {("report", (("audit", "sample"),))}
    assert "Wrote /data/x.html" in words(app).replace("\\", "")


def test_jobs_of_one_title_are_told_apart(store):
    """A titration and a ranking of the same model say what they are."""
    for command in ("titrate", "rank-corpora", "demo"):
        ended(store, [command], "final")
    said = words(opened("jobs"))
    assert "Titration · job 1" in said
    assert "Corpus ranking · job 2" in said
    assert "Demo · job 3" in said


def test_a_job_says_when_it_began_and_how_long_it_took(store):
    """In the time zone of the rest of the pages, and as a person says it."""
    job_id = ended(store, ["titrate"], "final")
    with sqlite3.connect(store.jobs_database) as jobs:
        jobs.execute("UPDATE jobs SET started_at = 1774785000, ended_at = 1774792200")
    assert JobTable(store).get(job_id).ended_at == 1774792200
    assert "2026-03-29 11:50 UTC · took 2.0 h" in words(opened("jobs"))


def test_a_suspect_test_is_called_by_its_files_name():
    """No folder of this machine; a set on the hub keeps its whole name."""
    for place, name in (("/home/me/mine.parquet", "mine.parquet"), ("owner/set", "owner/set")):
        spec = SuspectSpec("base", "final", DataRef(place), DataRef("others"))
        assert spec.job_title == f"Suspects {name}"


def test_results_of_one_title_are_told_apart_by_little():
    """By the end of their names, as far as it differs: a list has little room."""
    labels = {"final-classification-aa11bb22cc": "final", "final-titration-00ff11ee22": "final"}
    assert list(distinct_labels(labels).values()) == ["final · …bb22cc", "final · …11ee22"]
    alike = {"x-1234567": "same", "y-1234567": "same", "z": "other"}
    assert list(distinct_labels(alike).values()) == [
        "same · x-1234567",
        "same · y-1234567",
        "other",
    ]


def test_of_many_jobs_a_page_is_shown_at_a_time(store):
    """The newest come first, the address names the page, and each job is on exactly one."""
    for number in range(60):
        ended(store, ["audit", f"number{number}of"])
    seen = [re.findall(r"number(\d+)of", words(opened("jobs", page=str(at)))) for at in (1, 2, 3)]
    shown = [list(dict.fromkeys(map(int, page))) for page in seen]
    assert [len(page) for page in shown] == [25, 25, 10]
    assert [one for page in shown for one in page] == list(range(60))[::-1]
