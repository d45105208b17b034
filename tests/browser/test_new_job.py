"""Work from the browser: a real job that a form starts, from the check of its models to a text read
by its result."""

from __future__ import annotations

import re
import shlex

import pytest
from support.browser import tab
from support.half_vocabulary import KNOWN

from assay.cache.jobs import JobState, JobTable

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def pair(dashboard):
    return dashboard.pair


@pytest.fixture(scope="module")
def finished(chromium, dashboard, pair):
    """A tab on the audit that the form started, opened from Jobs; what the form said before."""
    with tab(chromium, dashboard.address) as one:
        one.open("new_audit", kind="audit")
        start = one.main().get_by_role("button", name="Start", exact=True)
        assert start.is_disabled()
        one.choose("Base *", "base")
        one.choose("Final *", "final")
        one.pick("Seed corpus *", "leaked.jsonl")
        one.shows("What was found")
        facts = one.cells()
        one.fill("Budget", 20)
        one.main().get_by_text("More options").click()
        one.fill("Student epochs", 0)
        one.main().get_by_text("Map", exact=True).click()
        command = one.command()
        start.click()
        one.page.wait_for_url("**/jobs**")
        result = one.main().get_by_role("link", name="Open the audit")
        result.wait_for(timeout=600_000)
        result.click()
        one.page.wait_for_url("**/overview**")
        yield one.settled(), facts, command


def test_a_form_checks_its_models_starts_a_job_and_leads_to_its_result(finished, pair):
    """Headers are read before anything starts, the command says what was asked, and Jobs links to
    the finished audit."""
    one, facts, command = finished
    assert facts[0] == ["type", "sequence classifier", "sequence classifier"]
    for words in ("assay audit", str(pair.final), "leaked.jsonl", "--budget 20"):
        assert words in command
    one.titled("Overview · ")
    assert not one.wrong


def test_a_pasted_text_is_judged_by_the_models_own_tokens(finished, pair):
    """A text with a word that never occurred cannot have been trained on; tokens are searched."""
    one, *_ = finished
    one.open("vocabulary", audit=one.query()["audit"])
    strange = sorted(set(pair.others[0].split()) - KNOWN)[0]
    field = one.main().get_by_placeholder("Paste a text here")
    field.fill(f"rain {strange}")
    field.press("Control+Enter")
    one.shows("Cannot have been trained on").settled()
    one.fill("Search in tokens", "rai")
    one.page.wait_for_url("**search=rai**")
    one.shows("The first 1 of 1;")
    one.shows_first_row(["rain"])
    assert one.export("tokens").rows["token"].tolist() == ["rain"]


def test_a_form_survives_a_reload(visit, dashboard):
    """Options, the column of a set and where the job runs are there again; another tab begins with
    an empty form."""
    one = visit(dashboard.address).open("new_audit", kind="audit")
    one.choose("Base *", "base").choose("Final *", "final").fill("Budget", 20).fill("Device", "cpu")
    one.pick("Seed corpus *", "leaked.jsonl")
    one.main().get_by_text("leaked.jsonl — 40 rows").click()
    one.choose("Column with the text", "label")
    before = one.command()
    assert ":text=label --budget 20" in before
    one.page.reload()
    one.shows("What was found")
    assert one.command() == before
    other = visit(dashboard.address).open("new_audit", kind="audit")
    other.shows("Still needed: base, final, seed corpus.")


def test_a_field_that_the_browser_still_loads_gets_its_value(visit, dashboard):
    """On a slow line the page has run twice before a field is there: it holds its default, and not
    nothing, which the form would take for an answer."""
    one, waiting = visit(dashboard.address), []
    one.page.route(
        re.compile(r"/(NumberInput|Checkbox)\.[^/]*\.js"), lambda one: waiting.append(one)
    )
    one.page.goto(one.link("new_audit", kind="audit"))
    one.shows("More options").page.wait_for_timeout(2_000)
    assert waiting
    assert not one.main().get_by_label("Budget", exact=True).count()
    for request in waiting:
        request.continue_()
    one.holds("Budget", "500").settled().main().get_by_text("More options").click()
    one.settled()
    assert one.main().get_by_role("checkbox", name="Map", exact=True).is_checked()


def test_a_job_like_one_that_failed_begins_with_its_settings(visit, dashboard, pair):
    """Also in a session that has not seen the form, whose tab still has an older draft of it; a
    change and Start make another job. The control: without the button the draft is there."""
    one = visit(dashboard.address).open("new_audit", kind="audit")
    one.choose("Base *", "base").fill("Budget", 30)
    table = JobTable(dashboard.store)
    words = ["audit", "--base", str(pair.base), "--final", str(pair.final)]
    words += ["--seed-corpus", str(dashboard.folder / "leaked.jsonl"), "--budget", "7"]
    words += ["--no-map", "--seed", "0"]
    job = table.begin(words, "Of words")
    table.finish(job, JobState.FAILED, "it was stopped")
    one.open("new_audit", kind="audit").holds("Budget", "30").open("jobs").shows("it was stopped")
    one.main().locator(f".st-key-again-{job}").get_by_role("button").click()
    one.page.wait_for_url("**/new_audit?kind=audit")
    one.shows("What was found").page.wait_for_timeout(1_000)  # by then the draft is there
    assert one.holds("Budget", "7").command() == shlex.join(["assay", *words])
    one.fill("Budget", 9)
    one.main().get_by_role("button", name="Start", exact=True).click()
    one.page.wait_for_url("**/jobs**")
    started = table.all()[0]
    assert started.command[started.command.index("--budget") + 1] == "9"
    table.request_cancel(started.job_id)


def test_an_upload_is_offered_at_once(visit, dashboard, tmp_path):
    """A good file can be chosen with its column in the same moment; a damaged one is refused."""
    one = visit(dashboard.address).open("new_audit", kind="audit")
    one.main().get_by_text("Upload a data file").click()
    place = one.main().locator("input[type=file]").first
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    place.set_input_files(tmp_path / "damaged.parquet")
    one.shows("Expected an undamaged parquet file")
    (tmp_path / "mine.csv").write_text("body,topic\nrain,weather\nsoup,kitchen\n")
    place.set_input_files(tmp_path / "mine.csv")
    one.shows("Kept. Choose")
    kept = next(dashboard.store.data.rglob("mine.csv")).relative_to(dashboard.store.root)
    one.settled().pick("Seed corpus *", str(kept))
    one.shows("has no column 'text': choose one.")
    one.choose("Column with the text", "body")
    assert one.cells() == [["rain", "weather"], ["soup", "kitchen"]]
