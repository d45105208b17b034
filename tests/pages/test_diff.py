"""The Model diff page, and knowledge gaps on Topics, through Streamlit's own test runner."""

from __future__ import annotations

import json

import pytest
from support.decompression_file import HOSTILE
from support.known_decompressions import CHANGED, MODEL_B, knowledge, write_run
from support.pages import confirmed, opened, words

from assay.cache.jobs import JobState, JobTable
from assay.core.jobs.running_job import running_job
from assay.pages.components.decompression import diff_reads


@pytest.fixture
def no_worker(monkeypatch):
    """Queued jobs wait: no process is started."""
    monkeypatch.setattr(diff_reads, "ensure_worker", lambda store: None)


def compare(assay, *names):
    result = assay("diff", *names, "--json")
    assert result.status == 0, result.err
    return json.loads(result.out)


def test_without_two_runs_the_commands_are_given(store):
    """With no decompression or only one, the page says how to make a pair and the noise run."""
    assert "there is none yet" in words(opened("diff"))
    write_run(store, "a", knowledge(), 0)
    text = words(opened("diff"))
    assert "there is one" in text
    assert "assay decompress --model ONE --seed 1" in text


def test_two_runs_not_compared_can_be(store, no_worker):
    """Runs without a diff show the command, and a button that queues it; while it waits the button
    is gone, and one that failed says why."""
    write_run(store, "a", knowledge(), 0)
    write_run(store, "b", knowledge(), 0, MODEL_B)
    app = opened("diff", a="a", b="b")
    assert "assay diff a b" in words(app)
    app.button[0].click().run()
    (job,) = JobTable(store).all()
    assert (job.command, job.state) == (("diff", "a", "b"), JobState.QUEUED)
    app.run()
    assert not app.main.button
    assert "queued" in words(app).lower()
    JobTable(store).request_cancel(job.job_id)
    with (
        pytest.raises(ValueError),
        running_job(store, ["diff", "a", "b"], "broken", {}, on_console=False),
    ):
        raise ValueError("asked otherwise")
    assert "asked otherwise" in words(opened("diff", a="a", b="b"))


def test_a_diff_shows_its_findings_beside_its_floor(assay, store):
    """Headline, floor, table, gaps and examples of the pair in the address, and the pair stays
    there; another pair is not shown in its place."""
    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    changed = {**CHANGED, ("cooking",): {f"cooking part {n}": 0.05 for n in range(90)}}
    write_run(store, "b", changed, 0, MODEL_B, respond=lambda topic, rng: HOSTILE)
    said = compare(assay, "a-0", "b")
    app = opened("diff", a="a-0", b="b")
    text = words(app)
    assert app.subheader[0].value.startswith(f"{len(said['reported'])} of")
    assert f"up to {100 * said['floor']['value']:.0f} percentage points" in text
    tables = [table.value for table in app.dataframe]
    assert len(tables[0]) == len(said["reported"])
    assert set(tables[0]["change"]) <= {"lost", "gained", "moved", "shifted"}
    assert "gap in B" in tables[2]["result"].tolist()
    assert len(app.get("plotly_chart")) == 1
    assert HOSTILE in [element.value for element in app.text]
    assert not any("<script>" in element.value for element in app.markdown)
    app.segmented_control[0].set_value("All compared").run()
    everything = app.dataframe[0].value
    assert len(everything) == said["n_topics"]
    assert (everything["change"] == "within noise").sum() == said["n_topics"] - len(tables[0])
    assert {app.query_params["a"], app.query_params["b"]} == {"a-0", "b"}
    assert "have not been compared" in words(opened("diff", a="b", b="a-0"))
    assert "no decompression named gone" in opened("diff", a="gone").warning[0].value


def test_a_lost_topic_and_a_grade_are_called_what_they_are(assay, store):
    """A lost topic may still be in some of B's lists, so the page says that it is not in B's tree,
    never that B does not name it; and grades of the heuristic are not called a judge's."""
    for seed in (0, 1):
        write_run(store, f"a-{seed}", knowledge(), seed)
    write_run(store, "b", CHANGED, 0, MODEL_B)
    compare(assay, "a-0", "b")
    app = opened("diff", a="a-0", b="b")
    topics = app.dataframe[0].value
    assert (topics["support in B"][topics["change"] == "lost"] > 0).any()
    text = words(app)
    assert "Lost: not in B's tree" in text
    assert "does not name" not in text
    assert "by a heuristic without a judge model" in text


def test_without_a_floor_nothing_is_called_a_difference(assay, store, no_worker):
    """A diff without noise says so, gives the command for a second run, calls no topic changed and
    draws no band; it can be compared again."""
    write_run(store, "a", knowledge(), 0)
    write_run(store, "b", CHANGED, 0, MODEL_B)
    said = compare(assay, "a", "b")
    app = opened("diff", a="a", b="b")
    text = words(app)
    assert "No difference can be reported" in app.subheader[0].value
    assert said["make_noise_with"] in text
    assert set(app.dataframe[0].value["change"]) == {"no noise run"}
    (chart,) = app.get("plotly_chart")
    assert "within noise" not in chart.proto.spec
    app.button[0].click().run()
    assert JobTable(store).all()[0].command == ("diff", "a", "b")


def test_a_noise_run_without_the_same_topics_is_still_one(assay, store):
    """Its examples have no pair, so that nothing is known of pairs; it is not called missing."""
    write_run(store, "a", {(): {"music": 1.0, "chess": 1.0}}, 0, depth=1)
    write_run(store, "a-again", {(): {"ships": 1.0}}, 1, depth=1)
    write_run(store, "b", {(): {"music": 1.0, "chess": 1.0}}, 0, MODEL_B, depth=1)
    compare(assay, "a", "b")
    app = opened("diff", a="a", b="b")
    assert "Two runs of the same model have no such pair" in words(app)
    assert "Without a noise run" not in words(app)
    (results,) = [one.value["result"] for one in app.dataframe if "same task" in one.value]
    assert set(results) == {"unknown"}


def test_a_diff_of_one_level_needs_no_branches(assay, store):
    """Runs without examples or subtopics are compared in what they have, and the rest is said; a
    diff that is deleted can be made again."""
    write_run(store, "a", knowledge(), 0, depth=1)
    write_run(store, "b", CHANGED, 0, MODEL_B, depth=1)
    compare(assay, "a", "b")
    app = opened("diff", a="a", b="b")
    assert "gaps need --depth 2" in words(app)
    confirmed(app, "diff").click().run()
    assert "assay diff a b" in words(app)
    assert not list(store.diffs.glob("*.duckdb"))


def test_a_gap_in_one_run_is_shown_beside_its_topics(store):
    """A branch whose subtopics have no support, or whose examples are worse, is a gap on the Topics
    page; of branches that are alike none is."""

    def worse(topic, rng):
        return (0.2 if "chess" in topic else 2) + rng.normal() / 4

    scattered = {f"cooking part {n}": 0.05 for n in range(90)}
    write_run(store, "even", knowledge(), 3)
    write_run(store, "uneven", knowledge(cooking=scattered), 3, quality=worse)
    assert "No gap" in words(opened("topics", decompression="even"))
    text = words(opened("topics", decompression="uneven"))
    assert "Behind the other branches" in text
    assert "cooking \\(support\\)" in text
    assert "chess \\(quality\\)" in text
    assert "weather" not in text.split("Behind the other branches")[1].splitlines()[0]
    write_run(store, "flat", knowledge(), 3, depth=1)
    assert "there is nothing to compare" in words(opened("topics", decompression="flat"))
