"""Every page through Streamlit's own test runner."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from support.audit_file import HOSTILE, write_sample_audit
from support.full_store import ECHO
from support.pages import COMPARISONS, opened, words
from support.pair_rows import of_pair, write_groups
from support.paths import ROOT
from support.suspect_record import write_sample_suspects

from assay.cache.audits.read import SelectionFilter, read_selection
from assay.cache.files.claims import as_claimed
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job
from assay.core.specs.data import Task
from assay.core.specs.results.echo import EchoResult
from assay.core.specs.strategies import Strategy, strategies_for
from assay.pages.components import page_table
from assay.pages.components.escaping import markdown_safe, without_marks
from assay.pages.components.page_table import PAGES as ENTRIES

PAGES = (
    "audits",
    "overview",
    "assessability",
    "selection",
    "membership",
    *COMPARISONS,
    "titration",
    "report",
    "present",
    "suspects",
    "jobs",
)
AUDIT_PAGES = ("overview", "assessability", "selection")
OF_AN_AUDIT = [name for name, entry in ENTRIES.items() if entry.needs_audit]


@pytest.fixture(scope="module")
def long_store(tmp_path_factory):
    """An audit whose selection fills seven pages."""
    store = Store(tmp_path_factory.mktemp("long"))
    write_sample_audit(store, n_documents=2000, budget=1400)
    return store


@pytest.fixture
def long(long_store, monkeypatch):
    """Pages show that audit; a test may only read it."""
    monkeypatch.setenv("ASSAY_HOME", str(long_store.root))


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


@pytest.mark.parametrize("page", ENTRIES)
def test_every_page_of_an_empty_store_has_its_title(store, page):
    """Also one about an audit, although there is none."""
    assert [one.value for one in opened(page).title] == [ENTRIES[page].title]


@pytest.mark.parametrize("page", ["audits", "compare", *OF_AN_AUDIT])
def test_an_empty_store_offers_the_demo_and_an_audit_where_one_is_missing(store, page, monkeypatch):
    """By button and link on the page itself; a dashboard that only reads gives the commands."""
    app = opened(page)
    assert [one.label for one in app.main.button] == ["Run the demo"]
    (form,) = [one.proto for one in app.main.get("page_link")]
    assert (form.label, form.query_string) == ("New audit", "kind=audit")
    monkeypatch.setenv("ASSAY_READ_ONLY", "1")
    read_only = opened(page)
    assert not read_only.main.button
    assert not read_only.main.get("page_link")
    assert "assay demo" in [one.value for one in read_only.code]


@pytest.mark.parametrize("page", OF_AN_AUDIT)
def test_a_page_without_its_audit_has_its_title(sample, page):
    """Also where the address names an audit that is gone."""
    assert [one.value for one in opened(page, audit="gone").title] == [ENTRIES[page].title]


def test_a_single_audit_cannot_be_compared_and_the_page_offers_another(sample):
    """It says how many there are and leads to the form."""
    app = opened("compare")
    assert "has 1 readable audit;" in app.info[0].value
    assert [one.proto.label for one in app.main.get("page_link")] == ["Audits", "New audit"]


def test_the_empty_list_gives_the_commands(store):
    """The list of audits, when empty, says the exact commands."""
    text = words(opened("audits"))
    assert "assay demo" in text
    assert "--task classification --budget 500" in text


@pytest.mark.parametrize("page", AUDIT_PAGES)
@pytest.mark.parametrize("has_truth", [True, False])
def test_audit_pages_show_the_audit(store, page, has_truth):
    """Overview and Selection render a whole audit, with and without known truth."""
    write_sample_audit(store, has_truth=has_truth)
    app = opened(page, audit="sample")
    assert "Sample audit" in words(app)
    assert len(app.dataframe) >= 1


def test_an_unknown_audit_is_named(sample):
    """An address with an audit that is gone says so, on every page, and shows no other's."""
    for page in AUDIT_PAGES:
        app = opened(page, audit="gone")
        assert "gone" in app.warning[0].value
        assert not app.dataframe


def test_an_unreadable_audit_is_not_said_to_be_deleted(store):
    """An address with an audit whose file is damaged says what is wrong with it."""
    write_sample_audit(store)
    (store.audits / "broken.duckdb").write_bytes(b"x" * 5000)
    (warning,) = opened("overview", audit="broken").warning
    assert "cannot be read" in warning.value
    assert "deleted" not in warning.value


def test_a_store_of_unreadable_audits_is_not_called_empty(store):
    """Where no audit can be read the page says so, and how many there are, instead of none yet."""
    store.audits.joinpath("broken.duckdb").write_bytes(b"x" * 5000)
    (info,) = opened("overview").info
    assert "None of the 1 audits" in info.value
    assert "no audits yet" not in info.value


@pytest.mark.parametrize(("page", "parameter"), [("suspects", "test"), ("echo", "echo")])
def test_a_wrong_name_does_not_make_a_store_empty(store, page, parameter):
    """An address with a record that is not there is told so and led to the newest; that there is
    none yet is said of an empty store alone."""
    empty = words(opened(page, **{parameter: "gone"}))
    write_sample_suspects(store)
    store.echoes.write(as_claimed(EchoResult, ECHO))
    app = opened(page, **{parameter: "gone"})
    assert "named gone" in app.warning[0].value
    assert [" yet. It needs" in one for one in (empty, words(app))] == [True, False]
    (newest,) = [one for one in app.button if one.label.startswith("The newest")]
    newest.click().run()
    assert not app.warning
    assert app.query_params[parameter] != ["gone"]


def test_the_newest_audit_is_chosen_without_an_address(sample):
    """Opening Overview by its name alone shows an audit of the store."""
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
    assert {"in domain, %", "in domain, %: by chance", "trained on, %", "trained on, %: p"} <= set(
        table
    )
    assert len(table) == len(strategies_for(Task.CLASSIFICATION))
    assert "Domain or membership" not in words(opened("overview", audit="blind"))


def test_a_link_opens_one_document(sample):
    """An address that names a document shows it whole; in a view without it, it is not shown."""
    rows = read_selection(sample, Strategy.SELECT, SelectionFilter(), 60).rows
    text, document_id = rows["text"].iloc[7], str(rows["document_id"].iloc[7])
    app = opened("selection", audit="sample", strategy="SELECT", document=document_id)
    assert text in [element.value for element in app.code]
    assert app.query_params["document"] == document_id
    app.text_input(key="search").set_value(rows["text"].iloc[8]).run()
    assert len(app.dataframe[0].value) == 1
    assert not app.code
    assert "document" not in app.query_params


@pytest.mark.parametrize("page", ["3", "99", "-1", "x"])
@pytest.mark.usefixtures("long")
def test_a_page_of_the_table_is_in_the_address(page):
    """A link opens the page it names, or the first where there is none of that number."""
    app = opened("selection", audit="sample", page=page)
    first = 401 if page == "3" else 1
    assert app.dataframe[0].value["rank"].iloc[0] == first


@pytest.mark.usefixtures("long")
def test_fewer_pages_begin_at_the_first():
    """When a filter leaves fewer pages than the one looked at, the first is shown."""
    app = opened("selection", audit="sample", page="7")
    assert app.dataframe[0].value["rank"].iloc[0] == 1201
    app.multiselect(key="sources").set_value(["held-out"]).run()
    assert 200 < app.number_input(key="page").max * 200 < 1400
    assert app.number_input(key="page").value == 1
    assert app.dataframe[0].value["rank"].iloc[0] < 10


def test_search_and_filters_change_the_table(sample):
    """Typing a word leaves the documents that hold it; nothing found is said."""
    app = opened("selection", audit="sample")
    n_all = len(app.dataframe[0].value)
    app.text_input(key="search").set_value("telescope").run()
    found = app.dataframe[0].value
    assert 0 < len(found) < n_all
    assert found["text"].str.contains("telescope").all()
    app.text_input(key="search").set_value("zzz not there").run()
    assert "No document" in words(app)
    assert not app.exception


def test_switching_the_strategy_changes_the_documents(sample):
    """Another strategy shows its own ranking."""
    app = opened("selection", audit="sample")
    before = app.dataframe[0].value["text"].tolist()
    app.selectbox(key="strategy").select_index(0).run()
    assert not app.exception
    assert app.dataframe[0].value["text"].tolist() != before


def test_filters_come_from_the_address(sample):
    """A link with a search and a label opens on exactly that view."""
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


def test_commands_in_sentences_are_code_and_nothing_else_is():
    """A command or flag of ours between backticks is set as code; other code stays letters."""
    assert markdown_safe("`assay list` or `--queue`.") == r"`assay list` or `--queue`\."
    for text in ("`rm x`", "`assay <b>`", "`assay\\`", "`--queue=[x](y)`", "`assay"):
        assert "`" not in markdown_safe(text).replace(r"\`", "")
    assert without_marks("as `assay list` shows it") == "as assay list shows it"


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


def test_a_p_value_stays_on_one_line():
    """No line ends between p and its number; all else is as it was."""
    said = markdown_safe("strategies: p < 0.001, q = 0.05; a map < 3 and p = x")
    plain = said.replace("\\", "")
    assert plain.replace("\N{NO-BREAK SPACE}", " ") == (
        "strategies: p < 0.001, q = 0.05; a map < 3 and p = x"
    )
    assert plain.count("\N{NO-BREAK SPACE}") == 4


def test_found_audits_of_one_title_have_names_of_their_own(store):
    """Search lists them apart, so that each can be told from the others."""
    for name in ("sample", "second"):
        write_sample_audit(store, name)
    links = [one.proto.label for one in opened("search", q="Sample audit").main.get("page_link")]
    assert len(links) == len(set(links)) == 2


def test_another_audits_ranking_is_opened_under_its_own_address(store):
    """From an audit that ranks no corpora to one of the same models that does: the page shows the
    latter, and the address names it."""
    write_sample_audit(store, "asking", before_seal=of_pair)
    write_sample_audit(store, "ranking", before_seal=ranked_of_pair)
    app = opened("corpora", audit="asking")
    (other,) = [one for one in app.button if one.label.startswith("Corpora ranked")]
    other.click().run()
    assert app.query_params["audit"] in ("ranking", ["ranking"])
    assert "does not rank corpora" not in words(app)


def ranked_of_pair(builder):
    of_pair(builder)
    write_groups(builder)


def test_no_page_links_to_itself_with_streamlits_link():
    """That link leaves the address as it was; `link_to_own_page` does not."""
    for name, entry in page_table.PAGES.items():
        text = (ROOT / entry.file).read_text()
        assert f'page_link(\n            "{entry.file}"' not in text, name
        assert f'page_link("{entry.file}"' not in text, name
