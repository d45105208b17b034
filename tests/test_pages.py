"""Every page through Streamlit's own test runner."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest
from sample_audit import HOSTILE, write_sample_audit
from sample_titration import write_sample_titration
from streamlit.testing.v1 import AppTest
from test_evidence import write_evidence

from cache.home import Store
from cache.jobs import JobState, JobTable
from cache.read import SelectionFilter, read_selection
from core.jobs.running import running_job
from core.specs import Strategy
from pages.parts.plain import markdown_safe

ROOT = Path(__file__).resolve().parents[1]
COMPARISONS = ("map", "transport", "class_balance")
PAGES = (
    "audits",
    "overview",
    "assessability",
    "selection",
    "membership",
    *COMPARISONS,
    "titration",
    "report",
    "suspects",
    "jobs",
)
AUDIT_PAGES = ("overview", "assessability", "selection")
# Those that show scores, and so have nothing to show of a pair that cannot be assessed.
SCORE_PAGES = (
    "overview",
    "selection",
    "membership",
    *COMPARISONS,
    "titration",
    "corpora",
    "evidence",
)
NOT_ASSESSABLE = {
    "verdict": "not assessable",
    "reasons": ["Not assessable by the last layer: it did not move. <i>No evidence</i>."],
    "hints": [],
}


@pytest.fixture
def store():
    return Store.default()


def opened(page, /, **query):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app


def words(app):
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "info",
        "warning",
        "code",
        "metric",
        "text",
        "error",
    )
    return "\n".join(
        str(getattr(element, "value", "")) + " " + str(getattr(element, "label", ""))
        for kind in kinds
        for element in app.get(kind)
    )


def test_the_app_opens_on_audits(store):
    """Without an address the first page is the list of audits."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert not app.exception
    assert app.title[0].value == "Audits"


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_store_says_what_to_do(store, page):
    """Each page of an empty store explains itself instead of failing."""
    text = words(opened(page))
    assert "assay audit" in text or "no audits yet" in text or "assay suspect" in text


def test_the_empty_list_gives_the_commands(store):
    """The list of audits, when empty, says the exact commands."""
    text = words(opened("audits"))
    assert "make demo" in text
    assert "--task classification --budget 500" in text


@pytest.mark.parametrize("page", AUDIT_PAGES)
@pytest.mark.parametrize("has_truth", [True, False])
def test_audit_pages_show_the_audit(store, page, has_truth):
    """Overview and Selection render a whole audit, with and without known truth."""
    write_sample_audit(store, has_truth=has_truth)
    app = opened(page, audit="sample")
    assert "Sample audit" in words(app)
    assert len(app.dataframe) >= 1


def test_overview_shows_numbers_beside_their_nulls(store):
    """Each headline number stands with its interval or what random selection reaches."""
    write_sample_audit(store)
    app = opened("overview", audit="sample")
    assert [m.label for m in app.metric][:2] == ["Student accuracy", "Documents located"]
    text = words(app)
    assert "random selection" in text
    assert "final model" in text
    assert "SELECT" in app.subheader[0].value


def test_an_unknown_audit_is_named(store):
    """An address with an audit that is gone says so, on every page, and shows no other's."""
    write_sample_audit(store)
    for page in AUDIT_PAGES:
        app = opened(page, audit="gone")
        assert "gone" in app.warning[0].value
        assert not app.dataframe


@pytest.mark.parametrize("page", SCORE_PAGES)
def test_no_score_is_shown_where_none_can_be_given(store, page):
    """Of a pair that cannot be assessed, pages of scores show the reason and nothing else."""
    write_sample_audit(store, assessment=NOT_ASSESSABLE)
    app = opened(page, audit="sample")
    (warning,) = app.warning
    assert "did not move" in warning.value
    assert "<i>" not in warning.value
    assert not app.metric
    assert not app.dataframe


def test_why_a_pair_cannot_be_assessed_stands_on_its_page(store):
    """Assessability shows the reason and the layers; the list does not call the audit complete."""
    write_sample_audit(store, assessment=NOT_ASSESSABLE)
    text = words(opened("assessability", audit="sample"))
    assert "did not move" in text
    assert "whether anything leaks" in text
    assert len(opened("assessability", audit="sample").metric) == 4
    listed = words(opened("audits"))
    assert "not assessable" in listed
    assert "complete" not in listed


@pytest.mark.parametrize("verdict", ["assessable", "limited"])
def test_the_overview_begins_with_assessability(store, verdict):
    """The verdict on the weights stands before any score, with its first reason."""
    assessment = {"verdict": verdict, "reasons": ["A reason of its own."], "hints": []}
    write_sample_audit(store, assessment=assessment)
    app = opened("overview", audit="sample")
    assert f"{verdict}" in app.markdown[0].value
    assert "A reason of its own" in markdown_plain(app.caption[1].value)


def markdown_plain(text):
    return text.replace("\\", "")


def test_the_report_is_previewed_and_downloaded(store):
    """The page shows the report in a frame of its own origin and gives the command; texts are in
    it when asked for."""
    write_sample_audit(store, hostile_rank=0)
    frames = {}
    for texts in ("false", "true"):
        app = opened("report", audit="sample", texts=texts)
        (frame,) = app.get("iframe")
        assert frame.proto.src.startswith("data:text/html;base64,")
        frames[texts] = b64decode(frame.proto.src.partition(",")[2]).decode()
        assert app.get("download_button")
    assert "<pre>" in frames["true"].partition("The first documents")[2]
    assert len(frames["true"]) > len(frames["false"])
    assert "assay report sample --out sample.html --with-documents" in words(app)


def test_a_document_has_a_card_of_its_own(store):
    """The card shows the document that the address names, letter by letter, its rank under every
    strategy, and its p-values against held-outs; without an address the first selected."""
    write_sample_audit(store, hostile_rank=3, before_seal=write_evidence)
    app = opened("evidence", audit="sample", document="3")
    assert app.code[0].value == HOSTILE
    tables = [frame.value for frame in app.dataframe]
    assert tables[1]["strategy"].tolist() == [s.shown_as for s in Strategy]
    assert set(tables[2].columns) == {"ranking", "percentile", "p", "q"}
    assert len(tables) == 6
    first = read_selection(store.audits / "sample.duckdb", Strategy.SELECT, SelectionFilter(), 1)
    shown = opened("evidence", audit="sample").code[0].value
    assert shown == first.rows["text"][0]
    assert opened("evidence", audit="sample", document="99999").code[0].value == shown


@pytest.mark.parametrize("page", ["overview", "selection", "transport", "class_balance"])
def test_tables_can_be_downloaded(store, page):
    """Each page's table is offered in every format."""
    write_sample_audit(store)
    labels = [button.proto.label for button in opened(page, audit="sample").get("download_button")]
    assert labels == ["CSV", "JSON Lines", "Parquet"]


def write_groups(builder):
    """Two sets and two classes, the first set with a hostile name."""
    for kind, names in (("source", ["<b>x</b>", "plain"]), ("class", ["0", "1"])):
        n = len(names)
        columns = {"cosine": 0.4, "low": 0.35, "high": 0.45, "null_low": 0.1, "null_high": 0.2}
        shares = {"share": 0.5, "share_low": 0.4, "share_high": 0.6, "centroid_share": 0.5}
        builder.write(
            "groups",
            {
                "kind": [kind] * n,
                "name": names,
                "n_documents": [200] * n,
                **{name: [value, value / 4] for name, value in columns.items()},
                **{name: [value] * n for name, value in shares.items()},
                "true_share": [None] * n if kind == "source" else [0.7, 0.3],
            },
        )
    builder.write(
        "source_students",
        {"source": ["<b>x</b>"], "seed": [0], "n_documents": [100], "cosine": [0.8]},
    )


def test_public_sets_are_ranked_or_the_command_given(store):
    """Without a ranking the page says how to make one; with it, it says when it is none of the
    sets, their names letter by letter, and has classes beside their true shares."""
    write_sample_audit(store)
    assert "assay rank-corpora" in words(opened("corpora", audit="sample"))
    write_sample_audit(store, audit_id="ranked", before_seal=write_groups)
    app = opened("corpora", audit="ranked")
    assert "None of these sets" in app.subheader[0].value
    assert "<b>" not in words(app)
    assert "reference set, %" in app.dataframe[1].value
    assert app.dataframe[1].value["class"].tolist() == ["business", "science & tech"]


def test_the_method_is_explained_without_any_audit(store):
    """About has the limits and the glossary in an empty store."""
    app = opened("about")
    assert "does not prove" in words(app)
    assert "weight difference" in app.dataframe[0].value["word"].tolist()


def test_an_unreadable_audit_is_not_said_to_be_deleted(store):
    """An address with an audit whose file is damaged says what is wrong with it."""
    write_sample_audit(store)
    (store.audits / "broken.duckdb").write_bytes(b"x" * 5000)
    (warning,) = opened("overview", audit="broken").warning
    assert "cannot be read" in warning.value
    assert "deleted" not in warning.value


def test_the_newest_audit_is_chosen_without_an_address(store):
    """Opening Overview by its name alone shows an audit of the store."""
    write_sample_audit(store)
    app = opened("overview")
    assert "Sample audit" in words(app)
    assert app.query_params["audit"] == "sample"


def test_the_audit_stays_in_the_address(store):
    """Whichever audit is looked at, newest or not, the address names it on every page."""
    write_sample_audit(store)
    write_sample_audit(store, audit_id="other", title="Another audit")
    for page in AUDIT_PAGES:
        for audit_id in ("sample", "other"):
            assert opened(page, audit=audit_id).query_params["audit"] == audit_id
    app = opened("overview", audit="sample")
    app.selectbox[0].select("other").run()
    assert "Another audit" in words(app)
    assert app.query_params["audit"] == "other"


def test_audits_of_one_name_are_told_apart(store):
    """Of two audits with the same title each can be chosen, and the one chosen is shown."""
    write_sample_audit(store, audit_id="first")
    write_sample_audit(store, audit_id="second", n_documents=500)
    app = opened("overview", audit="first")
    assert app.query_params["audit"] == "first"
    assert "400 documents" in app.caption[0].value
    app.selectbox[0].select("second").run()
    assert app.query_params["audit"] == "second"
    assert "500 documents" in app.caption[0].value


def test_domain_and_membership_stand_apart(store):
    """Shares of domain and of membership are shown beside chance, where a held-out half exists."""
    write_sample_audit(store)
    write_sample_audit(store, audit_id="blind", has_truth=False)
    table = opened("overview", audit="sample").dataframe[1].value
    assert {"in domain, %", "in domain, %: by chance", "used, %", "used, %: p"} <= set(table)
    assert len(table) == len(Strategy)
    assert "Domain or membership" not in words(opened("overview", audit="blind"))


def test_a_link_opens_one_document(store):
    """An address that names a document shows it whole; in a view without it, it is not shown."""
    write_sample_audit(store)
    path = store.audits / "sample.duckdb"
    rows = read_selection(path, Strategy.SELECT, SelectionFilter(), 60).rows
    text, document_id = rows["text"].iloc[7], str(rows["document_id"].iloc[7])
    app = opened("selection", audit="sample", document=document_id)
    assert text in [element.value for element in app.code]
    assert app.query_params["document"] == document_id
    app.text_input(key="search").set_value(rows["text"].iloc[8]).run()
    assert len(app.dataframe[0].value) == 1
    assert not app.code
    assert "document" not in app.query_params


@pytest.mark.parametrize("page", ["3", "99", "-1", "x"])
def test_a_page_of_the_table_is_in_the_address(store, page):
    """A link opens the page it names, or the first where there is none of that number."""
    write_sample_audit(store, n_documents=2000, budget=900)
    app = opened("selection", audit="sample", page=page)
    first = 401 if page == "3" else 1
    assert app.dataframe[0].value["rank"].iloc[0] == first


def test_fewer_pages_begin_at_the_first(store):
    """When a filter leaves fewer pages than the one looked at, the first is shown."""
    write_sample_audit(store, n_documents=2000, budget=1400)
    app = opened("selection", audit="sample", page="7")
    assert app.dataframe[0].value["rank"].iloc[0] == 1201
    app.multiselect(key="sources").set_value(["held-out"]).run()
    assert 200 < app.number_input(key="page").max * 200 < 1400
    assert app.number_input(key="page").value == 1
    assert app.dataframe[0].value["rank"].iloc[0] < 10


def test_search_and_filters_change_the_table(store):
    """Typing a word leaves the documents that hold it; nothing found is said."""
    write_sample_audit(store)
    app = opened("selection", audit="sample")
    n_all = len(app.dataframe[0].value)
    app.text_input(key="search").set_value("telescope").run()
    found = app.dataframe[0].value
    assert 0 < len(found) < n_all
    assert found["text"].str.contains("telescope").all()
    app.text_input(key="search").set_value("zzz not there").run()
    assert "No document" in words(app)
    assert not app.exception


def test_switching_the_strategy_changes_the_documents(store):
    """Another strategy shows its own ranking."""
    write_sample_audit(store)
    app = opened("selection", audit="sample")
    before = app.dataframe[0].value["text"].tolist()
    app.selectbox(key="strategy").select_index(0).run()
    assert not app.exception
    assert app.dataframe[0].value["text"].tolist() != before


def test_filters_come_from_the_address(store):
    """A link with a search and a label opens on exactly that view."""
    write_sample_audit(store)
    app = opened("selection", audit="sample", search="market", strategy="random")
    assert app.text_input(key="search").value == "market"
    assert app.dataframe[0].value["text"].str.contains("market").all()


def test_hostile_text_is_never_rendered(store):
    """A document, title, label or source full of markup reaches no element that renders it."""
    write_sample_audit(
        store, title=HOSTILE, label_names=[HOSTILE, "<b>x</b>", "c", "d"], hostile_rank=5
    )
    for page in PAGES:
        app = opened(page, audit="sample")
        for kind in ("markdown", "caption", "title", "subheader", "info", "warning"):
            for element in app.get(kind):
                assert "](javascript" not in element.value.replace("\\", "·")
                assert "<script>" not in element.value
                assert "$\\LaTeX$" not in element.value
                assert not getattr(element, "allow_html", False)


@pytest.mark.parametrize(
    "text", ["http://x.example", "WWW.x.example", "a@x.example", " -> ", " -- ", ":streamlit:"]
)
def test_what_markdown_recognises_without_marks_is_parted(text):
    """Addresses, arrows and the logo, which no backslash stops, never stand in one piece."""
    assert text.strip() not in markdown_safe(text).replace("\\", "")
    assert markdown_safe("out-of-domain: a.b") == r"out\-of\-domain\: a\.b"


@pytest.mark.parametrize("text", [HOSTILE, "a_b*c", "# title", "1. list", "~~x~~ `code` $x$"])
def test_escapes_keep_every_letter(text):
    """Escaping adds backslashes and joiners without width, and takes nothing away."""
    shown = markdown_safe(text).replace("\\", "").replace("\u2060", "")
    assert shown == " ".join(text.split()).replace("\\", "")


def test_deleting_needs_a_second_yes(store):
    """Delete asks first; only confirming takes the file away."""
    path = write_sample_audit(store)
    app = opened("audits")
    app.button(key="delete-sample").click().run()
    assert path.exists()
    (confirm,) = [b for b in app.button if b.label == "Delete" and b.key != "delete-sample"]
    confirm.click().run()
    assert not path.exists()


def test_jobs_are_shown_with_what_can_be_done(store):
    """A failed job offers to resume and says why it failed; a queued one can be cancelled."""
    with pytest.raises(ValueError), running_job(store, ["x"], "broken", {}, on_console=False):
        raise ValueError("the *reason*")
    queued = JobTable(store).submit(["audit", "--base", "b"], "waiting")
    app = opened("jobs")
    text = words(app)
    assert "broken" in text
    assert "ValueError" in text
    app.button(key=f"cancel-{queued}").click().run()
    assert JobTable(store).get(queued).state is JobState.CANCELLED


def test_a_running_job_shows_on_audits(store):
    """While something runs, the list of audits shows its stage and percentage."""
    with (
        running_job(store, ["x"], "a long one", {"gradients": 10}, on_console=False) as progress,
        progress.stage("gradients", 4),
    ):
        progress.advance(2)
        JobTable(store).report(1, "gradients", 0.5, 30.0)
        (bar,) = opened("audits").get("progress")
        assert "gradients · 50% · 30 s left" in bar.proto.text


def test_a_large_audit_sends_one_page(store):
    """Of a selection of 20,000 documents only a page travels to the browser."""
    write_sample_audit(store, n_documents=30_000, budget=20_000)
    app = opened("selection", audit="sample")
    assert len(app.dataframe[0].value) == 200
    assert "20,000 documents" in words(app)
    app.number_input(key="page").set_value(100).run()
    assert app.dataframe[0].value["rank"].iloc[-1] == 20_000


def test_the_ui_loads_no_model_library(store):
    """After every page has run, torch and its relatives are still not imported."""
    write_sample_audit(store)
    write_sample_titration(store)  # written last: the one that pages open
    code = """
import sys
from streamlit.testing.v1 import AppTest
for page in sys.argv[1:]:
    app = AppTest.from_file("app.py", default_timeout=30)
    app.query_params["audit"] = "titrated"
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
heavy = {"torch", "transformers", "sentence_transformers", "umap"} & set(sys.modules)
raise SystemExit(f"loaded {heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *PAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
