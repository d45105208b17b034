"""Work from the browser: every kind of job, from its form to the page that its row opens."""

from __future__ import annotations

import pytest
from support.browser import tab

from assay.cache.jobs import JobState, JobTable

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
_GIVE_UP_MS, _LOOK_EVERY_MS = 600_000, 300


@pytest.fixture(scope="module")
def one(chromium, dashboard):
    with tab(chromium, dashboard.address) as opened:
        yield opened.open("jobs")
        assert not opened.wrong


@pytest.fixture(scope="module")
def started(one, dashboard):
    """The numbers of jobs by kind, each started from its form; one runs while the next form is
    filled in. The echo needs what the titration makes."""
    table, jobs = JobTable(dashboard.store), {}
    for kind, fill in _FORMS.items():
        if kind == "echo":
            finish(one, table, jobs["titrate"])
        one.follow("New job").choose("Kind of job", _TITLES[kind])
        fill(one)
        jobs[kind] = start(one, table)
    return jobs


def titration(one):
    one.choose("Base *", "base").choose("Final *", "final")
    one.choose("Held-out *", "held-out.jsonl").pick("Out-of-domain *", "others.jsonl")
    one.choose("Reference *", "trained.jsonl")
    one.fill("Leaked share", "0.5, 1").fill("Budget", 20).fill("Title", "Half of it")


def suspects(one):
    one.choose("Base *", "base").choose("Final *", "final")
    one.choose("Suspects *", "leaked.jsonl").choose("Controls *", "held-out.jsonl")


def corpora(one):
    one.choose("Base *", "base").choose("Final *", "final")
    one.pick("Corpus *", "leaked.jsonl", "others.jsonl").fill("Budget", 20)
    one.main().get_by_text("More options").click()
    one.fill("Students", 0)


def decompression(one):
    one.choose("Model", "speaker")
    one.fill("Depth", 1).fill("Expansion", 3).fill("Examples", 1).fill("Title", "Said aloud")


def experiment(one):
    one.choose("Name *", "Sensitivity of the distances (figure 4)")
    one.fill("Seeds", 1).choose("Data", "sets")
    one.main().get_by_text("More options").click()
    one.fill("Model", "gpt2_medium=encoder")


def grading(one):
    one.choose("Decompression *", "Sample decompression", exact=False).choose("Judge *", "speaker")


def difference(one):
    one.choose("First *", "Run a-1", exact=False).choose("Second *", "Run b", exact=False)


def echo(one):
    one.choose("Decompression *", "Run a-0", exact=False).choose("Control *", "Run b", exact=False)
    one.choose("Audit *", "Half of it", exact=False)


def report(one):
    one.choose("Audit", "Sample audit", exact=False).fill("Out", "report.html")


_FORMS = {
    "titrate": titration,
    "suspect": suspects,
    "rank-corpora": corpora,
    "decompress": decompression,
    "experiment": experiment,
    "grade": grading,
    "diff": difference,
    "report": report,
    "echo": echo,
}
_TITLES = {
    "titrate": "Titration",
    "suspect": "Suspect test",
    "rank-corpora": "Corpus ranking",
    "decompress": "Decompression",
    "experiment": "Experiment",
    "grade": "Grading",
    "diff": "Diff",
    "report": "Report",
    "echo": "Echo",
    "demo": "Demo",
}


def row(one, kind, number):
    """What Jobs shows of one job."""
    rows = one.main().get_by_test_id("stVerticalBlock")
    return rows.filter(has_text=f"{_TITLES[kind]} · job {number} ·").last


def start(one, table):
    """Press Start, which leads to Jobs; the number of the job."""
    one.main().get_by_role("button", name="Start", exact=True).click()
    one.page.wait_for_url("**/jobs**")
    return table.all()[0].job_id


def finish(one, table, number):
    """Wait until the job is done."""
    for _ in range(_GIVE_UP_MS // _LOOK_EVERY_MS):
        job = table.get(number)
        if job.state not in (JobState.QUEUED, JobState.RUNNING):
            break
        one.page.wait_for_timeout(_LOOK_EVERY_MS)
    assert job.state is JobState.DONE, (job.error, table.log_tail(number, 30))


@pytest.fixture
def result(one, dashboard, started):
    """Opens what a job made by the link in its row: result(kind, link)."""

    def opened(kind, link):
        finish(one, JobTable(dashboard.store), started[kind])
        one.open("jobs")
        row(one, kind, started[kind]).get_by_role("link", name=link).click()
        one.page.wait_for_function("() => !location.pathname.endsWith('/jobs')")
        return one.settled()

    return opened


def test_a_titration_is_drawn_at_its_shares(result):
    """The grid that the form asked for is on Titration."""
    page = result("titrate", "Open the titration")
    page.shows("Half of it").shows("80 training, 60 held-out").shows("Measured at budget 20")


def test_a_suspect_test_gives_its_p_value(result):
    """The answer names its threshold, and how many documents were compared."""
    page = result("suspect", "Open the test")
    page.shows("p = ").shows("threshold 0.01").shows("40 suspects, 60 controls")


def test_a_ranking_names_the_closest_corpus(result):
    """Both corpora are ranked, and the test is of the closest."""
    page = result("rank-corpora", "Open the ranking")
    page.shows("The mean gradient of leaked").shows("corrected for 2 corpora")


def test_the_topics_of_a_model_are_shown(result):
    """The tree of the model that the form named is on Topics."""
    page = result("decompress", "Open the topics")
    page.shows("Said aloud").shows("All human knowledge")


def test_grades_are_shown_with_their_judge(result):
    """Examples says who graded, and that this judge's words were no grades."""
    page = result("grade", "Open the grades")
    page.shows("graded by speaker").shows("could not be parsed")


def test_a_diff_shows_what_is_beyond_noise(result):
    """Topics that only one of the models names are reported beside two runs of one model."""
    page = result("diff", "Open the diff")
    page.shows("differ from A to B by more than noise")


def test_an_echo_says_whether_answers_are_nearer(result):
    """The page compares with the reference set and states its threshold."""
    page = result("echo", "Open the comparison")
    page.shows("to the reference set than the base model's").shows("threshold 0.01")


def test_an_experiment_stands_beside_the_papers(result):
    """Our values on the chosen data sets are compared with the authors'."""
    page = result("experiment", "Open the experiment")
    page.shows("small scale · 1 seed").shows("SELECT is better than random selection in")


def test_a_report_is_shown_and_lies_where_it_was_asked_for(result, dashboard):
    """Report shows the page that was written; Jobs names the file."""
    file = dashboard.folder / "report.html"
    page = result("report", "Open the report").titled("Report · Sample audit")
    assert "Sample audit" in file.read_text(encoding="utf-8")
    page.open("jobs").shows(f"Wrote {file}")


def test_a_job_that_fails_says_why(one, dashboard):
    """What nobody could see before it ran stands in plain words in its row."""
    one.open("jobs").follow("New job").choose("Kind of job", "Suspect test")
    suspects(one)
    one.choose("Controls *", "leaked.jsonl")
    failed = row(one, "suspect", start(one, JobTable(dashboard.store)))
    failed.get_by_text("give more documents, and none that is in both sets").wait_for()
    assert failed.get_by_text("failed", exact=True).is_visible()


def test_a_running_job_can_be_cancelled(one, dashboard):
    """The demo starts without any input; cancelled, it says so and can be resumed."""
    table = JobTable(dashboard.store)
    one.open("jobs").follow("New job").choose("Kind of job", "Demo")
    number = start(one, table)
    running = row(one, "demo", number)
    running.get_by_text("running", exact=True).wait_for()
    running.get_by_role("button", name="Cancel").click()
    running.get_by_text("cancelled", exact=True).wait_for()
    assert running.get_by_role("button", name="Resume").is_visible()
    assert table.get(number).state is JobState.CANCELLED
