"""The pages that answer an auditor: assessability, evidence, public corpora, report, the method."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from io import BytesIO
from urllib.parse import parse_qsl, urlparse
from zipfile import ZipFile

import pytest
from support.audit_file import HOSTILE, write_sample_audit
from support.evidence_rows import write_evidence
from support.experiment_file import write_sample_experiment
from support.pages import COMPARISONS, opened, words
from support.pair_rows import of_pair, write_groups
from support.suspect_record import write_sample_suspects
from support.titration_audit import write_sample_titration

from assay.cache.audits.read import SelectionFilter, read_document, read_selection
from assay.cache.experiments.read import list_experiments, read_measurements
from assay.cache.export import FORMATS, archive, of_experiment, of_suspect_test
from assay.cache.files.database import kept_open
from assay.cache.store import Store
from assay.core.findings.suspect_test import checks_table
from assay.core.findings.table_cells import as_numbers
from assay.core.specs.audit import INSIDERS_HEAD, HeadStart
from assay.core.specs.data import Task
from assay.core.specs.hashing import text_hash
from assay.core.specs.strategies import Strategy, leading_strategy, strategies_for
from assay.pages.components.audit.corpus_ranking import cosine_chart, groups, mixture_chart
from assay.pages.components.escaping import markdown_safe

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


@pytest.fixture(scope="module")
def filled_store(tmp_path_factory):
    """One audit with a titration, a suspect test and an experiment."""
    store = Store(tmp_path_factory.mktemp("filled"))
    write_sample_titration(store)
    write_sample_suspects(store)
    write_sample_experiment(store, "selection-size")
    return store


@pytest.fixture(scope="module")
def heads_store(tmp_path_factory):
    """Two audits, one made with the recorded head, and one that cannot be assessed."""
    store = Store(tmp_path_factory.mktemp("heads"))
    write_sample_audit(store)
    write_sample_audit(
        store,
        "insiders",
        before_seal=lambda builder: builder.put_meta("initial_head", str(HeadStart.RECORDED)),
    )
    write_sample_audit(store, "closed", assessment=NOT_ASSESSABLE)
    return store


@pytest.fixture
def filled(filled_store, monkeypatch):
    """Pages show that store; a test may only read it."""
    monkeypatch.setenv("ASSAY_HOME", str(filled_store.root))
    return filled_store


@pytest.fixture
def heads(heads_store, monkeypatch):
    """The same for these audits."""
    monkeypatch.setenv("ASSAY_HOME", str(heads_store.root))


@pytest.mark.usefixtures("heads")
@pytest.mark.parametrize("page", SCORE_PAGES)
def test_no_score_is_shown_where_none_can_be_given(page):
    """Of a pair that cannot be assessed, pages of scores show the reason and nothing else."""
    app = opened(page, audit="closed")
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
    assert "whether anything leaked" in text
    assert len(opened("assessability", audit="sample").metric) == 4
    listed = words(opened("audits"))
    assert "not assessable" in listed
    assert "complete" not in listed


@pytest.mark.parametrize(
    ("verdict", "shown"), [("assessable", "assessable"), ("limited", "limited assessability")]
)
def test_the_overview_begins_with_assessability(store, verdict, shown):
    """The verdict on the weights stands before any score, with its first reason."""
    assessment = {"verdict": verdict, "reasons": ["A reason of its own."], "hints": []}
    write_sample_audit(store, assessment=assessment)
    app = opened("overview", audit="sample")
    assert shown in app.markdown[0].value
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
    assert "assay report sample --out sample.html --pdf sample.pdf --with-documents" in words(app)


def test_the_presentation_is_shown_in_a_frame_of_its_own_origin(store):
    """The page shows the slides in a data URL, whose script is theirs alone, and offers HTML, PDF
    and all figures; of a pair that cannot be assessed, it offers no figures."""
    write_sample_audit(store, title="<b>Sample</b>")
    assessment = {"verdict": "not assessable", "reasons": ["It did not move."], "hints": []}
    write_sample_audit(store, "closed", assessment=assessment)
    app = opened("present", audit="sample")
    (frame,) = app.get("iframe")
    assert frame.proto.src.startswith("data:text/html;base64,")
    page = b64decode(frame.proto.src.partition(",")[2]).decode()
    assert page.count("<section ") > 6
    assert "<b>" not in page
    assert len(app.get("download_button")) == 3
    assert "assay present sample --out slides.html" in words(app)
    assert len(opened("present", audit="closed").get("download_button")) == 2


def test_a_document_has_a_card_of_its_own(store):
    """The card shows the document that the address names, letter by letter, its rank under every
    strategy, and its p-values against held-outs; without an address the first selected; in place of
    a document that is not there, a sentence."""
    write_sample_audit(store, hostile_rank=3, before_seal=write_evidence)
    app = opened("evidence", audit="sample", document="3")
    assert app.code[0].value == HOSTILE
    tables = [frame.value for frame in app.dataframe]
    ran = strategies_for(Task.CLASSIFICATION)
    assert "pseudolabel" in app.table[0].value["fact"].tolist()
    assert tables[0]["strategy"].tolist() == [s.shown_as for s in ran]
    assert set(tables[1].columns) == {"ranking", "percentile", "p", "q"}
    assert len(tables) == 5
    leading = Strategy(leading_strategy(ran))
    first = read_selection(store.audits / "sample.duckdb", leading, SelectionFilter(), 1)
    shown = opened("evidence", audit="sample").code[0].value
    assert shown == first.rows["text"][0]
    missing = opened("evidence", audit="sample", document="99999")
    assert not missing.code
    assert "99,999" in words(missing) or "99999" in words(missing)


# Tables, each with downloads of its own; a picked document's facts are on its card.
N_TABLES = {
    "overview": 3,
    "assessability": 1,
    "selection": 1,
    "transport": 1,
    "class_balance": 1,
    "evidence": 4,
    "membership": 3,
    "titration": 2,
    "suspects": 4,
    "experiments": 5,
}


@pytest.mark.parametrize("page", N_TABLES)
@pytest.mark.usefixtures("filled")
def test_tables_can_be_downloaded(page):
    """Each page's tables are offered in every format."""
    query = {"recipe": "selection-size"} if page == "experiments" else {"audit": "titrated"}
    app = opened(page, **({} if page == "suspects" else query))
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["CSV", "JSON Lines", "Parquet"] * N_TABLES[page]


def test_tables_without_an_audit_say_what_they_are_from(store):
    """A suspect test's and an experiment's tables have manifests that name them and their hash."""
    record = write_sample_suspects(store)
    path = write_sample_experiment(store, "main-sft")
    (experiment,) = list_experiments(store)
    for origin, frame, key, name in (
        (
            of_suspect_test(record),
            as_numbers(checks_table(record)),
            "suspect_test",
            record.test_id,
        ),
        (
            of_experiment(experiment.experiment_id, experiment.meta),
            read_measurements(path),
            "experiment",
            path.stem,
        ),
    ):
        for kind in FORMATS:
            with ZipFile(BytesIO(archive(origin, "table", frame, kind, {}))) as files:
                described = json.loads(files.read("manifest.json"))
                data = files.read(f"table.{kind}")
            assert described[key] == name
            assert described["n_rows"] == len(frame)
            assert described["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_card_is_one_step_from_every_table_of_documents(filled):
    """Membership's likeliest documents, the live selection and a card's own neighbours lead to the
    card of each document, which is of that document."""
    path = filled.audits / "titrated.duckdb"
    for page in ("membership", "titration", "evidence"):
        tables = [frame.value for frame in opened(page, audit="titrated").dataframe]
        linked = [table for table in tables if "evidence" in table]
        assert linked
        with kept_open():
            for table in linked:
                for address, text in zip(table["evidence"], table["text"], strict=True):
                    if address is not None:
                        query = dict(parse_qsl(urlparse(address).query))
                        assert query["audit"] == "titrated"
                        shown = read_document(path, int(query["document"]))["text"]
                        assert shown.startswith(text)
    links = opened("overview", audit="titrated").get("page_link")
    assert any(link.proto.label == "Evidence" for link in links)


def test_a_suspect_in_the_pool_has_a_card(store):
    """Of a suspect test's documents those in an audit of the same models lead to its card; others,
    and all where the audit is of other models, lead nowhere."""
    path = write_sample_audit(store, before_seal=of_pair)
    texts = [read_document(path, number)["text"] for number in (4, 9)]
    write_sample_suspects(store, texts=texts)
    (table,) = [frame.value for frame in opened("suspects").dataframe if "evidence" in frame.value]
    linked = table.dropna(subset=["evidence"])
    assert {text_hash(text) for text in texts} == set(linked["hash"])
    assert set(linked["set"]) == {"suspects"}
    assert set(linked["evidence"]) == {
        f"/evidence?audit=sample&document={number}" for number in (4, 9)
    }
    path.unlink()
    write_sample_audit(store)
    (table,) = [frame.value for frame in opened("suspects").dataframe if "evidence" in frame.value]
    assert table["evidence"].isna().all()


def test_public_sets_are_ranked_or_the_command_given(store):
    """Without a ranking the page says how to make one; with it, it says when it is none of the
    sets, their names letter by letter, and has classes beside their true shares."""
    write_sample_audit(store)
    assert "assay rank-corpora" in words(opened("corpora", audit="sample"))
    write_sample_audit(store, audit_id="ranked", before_seal=write_groups)
    app = opened("corpora", audit="ranked")
    assert "None of these corpora" in app.subheader[0].value
    below_charts = [one.value for one in app.caption if one.value.startswith("Points:")]
    assert len(below_charts) == 2
    assert max(map(len, below_charts)) < 160
    (how,) = [one for one in app.expander if one.label == "How these are measured"]
    assert "grouped jackknife" in words(how)
    assert "<b>" not in words(app)
    assert "reference set, %" in app.dataframe[1].value
    assert app.dataframe[1].value["class"].tolist() == ["business", "science & tech"]


def test_charts_of_corpora_list_them_alike(store):
    """Side by side, a corpus is on the same line in both, whatever its share of the mixture."""
    write_sample_audit(store, audit_id="ranked", before_seal=write_groups)
    rows = groups(store.audits / "ranked.duckdb")
    sources = rows[rows["kind"] == "source"].assign(share=lambda own: -own["cosine"])
    assert len(sources) > 1
    cosines, mixture = cosine_chart(sources, sources[:0]), mixture_chart(sources)
    assert list(cosines.data[0].y) == list(mixture.data[0].y)


def test_the_method_is_explained_without_any_audit(store):
    """About has the limits and the glossary in an empty store."""
    app = opened("about")
    assert "does not prove" in words(app)
    assert "weight difference" in app.table[0].value.index


@pytest.mark.usefixtures("heads")
@pytest.mark.parametrize("page", ["overview", "selection", "assessability"])
def test_the_insiders_view_is_named_on_every_page_of_its_audit(page):
    """An audit made with the recorded head says first that it is for evaluation only; another
    does not."""
    beyond = markdown_safe(INSIDERS_HEAD)
    assert beyond in words(opened(page, audit="insiders"))
    assert beyond not in words(opened(page, audit="sample"))
