"""Compare: two and three audits side by side in one link, and what it says of wrong ones."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext

import streamlit as st
from support.audit_file import HOSTILE, write_sample_audit
from support.compared_audits import FIRST, TWIN, write_compared
from support.evidence_rows import write_evidence
from support.pages import opened, words

from assay.cache.audits.comparison import read_places
from assay.cache.audits.read import SelectionFilter, read_selection
from assay.cache.files import database
from assay.core.findings.comparison_tables import sides_note
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.pages.components import navigation
from assay.pages.components.compare.documents import for_people, named_groups
from assay.pages.components.compare.reads import selected


def tables(app):
    return [one.value for one in app.dataframe]


def plain(text):
    """Without what keeps Markdown from reading it."""
    return text.replace("\\", "").replace("\N{WORD JOINER}", "")


def selected_table(app):
    return next(one for one in tables(app) if "selected by" in one)


def test_pages_open_with_the_same_strategy(store):
    """Of one audit or of several: the strategy that one function names beforehand, of those that
    ran everywhere."""
    for name in ("sample", "second"):
        write_sample_audit(store, name, before_seal=write_evidence)
    query = {"audit": "sample"}
    chosen = {opened(one, **query).selectbox(key="strategy").value for one in ("selection", "map")}
    chosen.add(opened("compare", audits="sample,second").selectbox(key="strategy").value)
    assert chosen == {Strategy.EMBEDDING_MATCH}
    first = read_selection(
        store.audits / "sample.duckdb", Strategy.EMBEDDING_MATCH, SelectionFilter(), 1
    )
    card = opened("evidence", **query)
    assert first.rows["text"][0] in [one.value for one in card.code]
    assert "Nearest selected** (input embeddings)" in words(card)


def test_two_audits_side_by_side(store):
    """The answer first, then only the settings that differ, both audits' answers, paired
    differences, overlaps and the documents with both ranks; hostile text stays text."""
    write_compared(store, "sample", gain=0.2, seed=1, title=HOSTILE, hostile_rank=0)
    write_compared(store, "second", gain=3.0, seed=2, budget=30, hostile_rank=0)
    app = opened("compare", audits="sample,second")
    said = words(app).replace("\\", "")
    assert "more often in B than in A" in said
    assert "corrected for" in said
    differences, _, overlaps, documents = tables(app)
    (settings,) = app.table
    assert settings.value.map(plain).to_numpy().tolist() == [["--budget", "60", "30"]]
    assert "confidence gain" in set(differences["of"])
    assert set(overlaps["audits"]) == {"A and B"}
    assert documents["rank in A"].notna().sum() == 60
    assert documents["rank in B"].notna().sum() == 30
    assert documents["evidence"].str.startswith("/evidence?audit=").all()
    # Each question once, with the answers of both.
    assert said.count("Can training documents be distinguished from others?") == 1
    assert HOSTILE in set(documents["text"])
    for kind in ("markdown", "caption", "subheader"):
        assert all("<script>" not in str(one.value) for one in app.get(kind))


def test_a_note_explains_the_columns_that_are_there():
    """What TPR is stands below a table that has it, and below no other."""
    assert "TPR at 1% FPR" in sides_note([Metric.RECALL, Metric.MEMBERSHIP_TPR])
    assert "TPR" not in sides_note([Metric.RECALL])
    assert "95% intervals" in sides_note([])


def test_three_audits_have_one_map_and_a_matrix(store):
    """All documents that any selected are on one audit's map, coloured by who selected them."""
    write_compared(store, *FIRST, budget=60)
    write_compared(store, "second", seed=2, budget=30)
    write_compared(store, *TWIN, seed=3, budget=60)
    app = opened("compare", audits=f"sample,second,{TWIN[0]}", strategy="SELECT")
    (one,) = app.main.get("bidi_component")
    data = json.loads(one.proto.json)
    (panel,) = data["panels"]
    table = selected_table(app)
    assert len(panel["id"]) == len(table)
    assert {entry["name"] for entry in data["legend"]} == set(table["selected by"])
    assert all(about.startswith("rank ") for about in panel["about"])
    assert set(data["pool"]["colour"]) == {-1}
    assert "The map of A" in words(app).replace("\\", "")
    assert {"B − A", "C − A"} == set(tables(app)[0]["audits"])


def test_a_visit_opens_each_file_once(store, monkeypatch):
    """Whatever a first visit reads of an audit, its file is opened once, and not again by another
    strategy's view; without that it is opened many times."""
    paths = {write_compared(store, *FIRST), write_compared(store, "second", budget=30)}
    n_opened = Counter()
    connect = database._connect_to_read

    def counted(path):
        n_opened[path] += 1
        return connect(path)

    monkeypatch.setattr(database, "_connect_to_read", counted)
    app = opened("compare", audits="sample,second")
    assert n_opened == dict.fromkeys(paths, 1)
    n_opened.clear()
    app.selectbox(key="strategy").set_value("random").run()
    assert set(n_opened) <= paths
    assert max(n_opened.values(), default=0) <= 1
    monkeypatch.setattr(navigation, "kept_open", nullcontext)
    st.cache_data.clear(), st.cache_resource.clear()
    n_opened.clear()
    opened("compare", audits="sample,second")
    assert min(n_opened.values()) > 2


def test_filters_keep_who_selected_and_what_is_searched(store):
    """The table holds only documents of the chosen group that contain the text."""
    write_compared(store, *FIRST, budget=60)
    write_compared(store, "second", budget=30)
    app = opened("compare", audits="sample,second", who="only A")
    table = selected_table(app)
    assert set(table["selected by"]) == {"only A"}
    assert table["rank in B"].isna().all()
    word = table["text"].iloc[0].split()[0]
    app.text_input(key="search").set_value(word.upper()).run()
    found = selected_table(app)
    assert 0 < len(found) <= 30
    assert found["text"].str.contains(word).all()
    app.text_input(key="search").set_value("no document says this").run()
    assert "No selected document matches" in words(app)


def test_a_link_keeps_an_area_and_an_open_document(store):
    """Only documents in the area that the address holds are listed, and the document it names is
    open beside the map."""
    path = write_compared(store, *FIRST, budget=60)
    write_compared(store, "second", budget=30)
    half = "0-0.500-0.500-1000.0-1000"
    app = opened("compare", audits="sample,second", area=half, document="7")
    places = read_places(path)
    middle = (places[:, 0].min() + places[:, 0].max()) / 2
    listed = selected_table(app)
    numbers = listed["evidence"].str.rpartition("=")[2].astype(int)
    assert 0 < len(listed) < 60
    assert (places[numbers, 0] <= middle + 1e-3).all()
    assert "item 7." in words(app).replace("\\", "")
    assert any(button.label == "Clear area" for button in app.button)


def test_a_corpus_that_lacks_a_document_is_named(store):
    """The export's table has every rank from 1, and says which corpora do not hold a document."""
    paths = (write_compared(store, *FIRST), write_compared(store, *TWIN))
    found = for_people(named_groups(selected(paths, "select"), 2), 2)
    assert sorted(found["rank in A"].dropna()) == list(range(1, 61))
    held_by_both = found["not in the corpus of"] == ""
    assert 0 < held_by_both.sum() < len(found)
    assert set(found.loc[~held_by_both, "not in the corpus of"]) <= {"B"}
    assert found.loc[~held_by_both, "rank in B"].isna().all()


def test_audits_without_a_common_document_are_shown_anyway(store):
    """Nothing can be paired, which the page says; their own figures stand side by side."""
    write_sample_audit(store, "sample")
    write_sample_audit(store, "elsewhere", has_truth=False)
    said = words(opened("compare", audits="sample,elsewhere")).replace("\\", "")
    assert "no document in common" in said
    assert "No difference can be tested" in said


def test_a_link_with_wrong_audits_says_so(store):
    """Unknown audits are named, and fewer than two known ones are asked for; an empty store has
    nothing to compare."""
    assert "comparison takes two or more" in words(opened("compare", audits="a,b"))
    write_sample_audit(store, "sample")
    write_sample_audit(store, "second")
    app = opened("compare", audits="sample,<b>nobody</b>")
    said = words(app).replace("\\", "")
    assert "no readable audit named <b>nobody</b>" in said
    assert "Choose two to eight audits" in said
    app.multiselect(key="compared audits").set_value(["sample", "second"]).run()
    assert app.query_params["audits"] == "sample,second"
    assert "Differences" in words(app)
