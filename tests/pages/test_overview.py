"""The Overview answers four questions, the strongest evidence first."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from support.audit_file import write_sample_audit
from support.pages import opened, words
from support.pair_rows import of_pair, write_groups
from support.suspect_record import write_sample_suspects

from assay.cache.audits.evidence import evidence_of
from assay.core.findings.answers.answer import Question, Standing
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.method_text import GLOSSARY, explained
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.pages.components.escaping import markdown_safe

EXACT = VocabularyFacts(
    proves_absence=True, n_tokens=1000, n_moved=300, n_documents=400, n_possible=100
)


def answered(store):
    return audit_answers(evidence_of(store, store.audits / "sample.duckdb"))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"has_truth": False},
        {"label_names": []},
        {"n_documents": 8, "budget": 3},
        {"before_seal": write_groups},
        {"before_seal": lambda builder: builder.put_meta("vocabulary", EXACT.to_plain())},
    ],
    ids=["whole", "no truth", "no labels", "tiny", "corpora", "vocabulary"],
)
def test_it_shows_the_answers_in_their_order(store, more):
    """Of every kind of audit the page has the answers of the command line, each with its
    certainty, in the same order, and what failed below them."""
    write_sample_audit(store, **more)
    found, app = answered(store), opened("overview", audit="sample")
    said = words(app)
    asked = [one.value.strip("*") for one in app.markdown if one.value.strip("*") in list(Question)]
    assert asked == [one.question for one in found.answers]
    assert app.subheader[0].value == markdown_safe(found.lead.headline)
    for one in found.answers:
        for sentence in (one.headline, one.certainty, *one.sentences, *one.failed):
            assert markdown_safe(sentence) in said
    assert ("Tried without success" in said) == bool(found.failed)


def test_proof_leads_and_words_are_explained_where_they_stand(store):
    """With a proof of absence that comes first; the tooltip of its sentence explains its terms."""
    write_sample_audit(
        store, before_seal=lambda builder: builder.put_meta("vocabulary", EXACT.to_plain())
    )
    app = opened("overview", audit="sample")
    lead = app.subheader[0]
    assert lead.value.startswith("300 of the 400 documents of the seed corpus were not trained")
    assert GLOSSARY["seed corpus"] in lead.help
    assert GLOSSARY["token"] in lead.help


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("overview", {"audit": "sample"}),
        ("audits", {}),
        ("compare", {"audits": "sample,other"}),
    ],
)
def test_a_badge_says_what_its_evidence_is_about(store, page, query):
    """Wherever an answer has one, its tooltip has the meaning of that badge."""
    for name in ("sample", "other"):
        write_sample_audit(store, name)
    meanings = {one.shown_as: one.meaning for one in Standing}
    found = {}
    for element in opened(page, **query).markdown:
        for name in meanings:
            if element.value.endswith(f" {name}]"):
                found[name] = element.proto.help
    assert "closer than chance" in found
    assert found == {name: meanings[name] for name in found}


def test_a_suspect_test_of_the_models_is_part_of_the_answer(store):
    """A test that was made after the audit is on its page at the next visit."""
    write_sample_audit(store, before_seal=of_pair)
    assert "Suspects number 1" not in words(opened("overview", audit="sample"))
    write_sample_suspects(store, 1, shift=2.0)
    assert markdown_safe("Suspect test “Suspects number 1”") in words(
        opened("overview", audit="sample")
    )


def test_an_answer_leads_to_the_selection_that_it_is_about(store):
    """The link names it, so that pages do not open with the strategy that they usually begin with:
    one that compares documents with trained parts of the model."""
    write_sample_audit(store)
    meant = answered(store).to(Question.CLOSE).selected_by
    assert meant not in (None, Strategy.SELECT)
    links = [one.proto for one in opened("overview", audit="sample").main.get("page_link")]
    for page in ("selection", "map"):
        (asked,) = [dict(parse_qsl(one.query_string)) for one in links if one.page == page]
        assert asked["audit"] == "sample"
        assert asked["strategy"] == meant.shown_as
        assert opened(page, **asked).selectbox(key="strategy").value is meant
        assert [one.label for one in links if one.page == page] == [page.capitalize()]
    for page in ("selection", "map"):
        chosen = opened(page, audit="sample").selectbox(key="strategy").value
        assert chosen is Strategy.EMBEDDING_MATCH


def test_a_link_to_another_strategy_than_pages_open_with_names_it(store, monkeypatch):
    """Somebody who comes back by the sidebar finds another selection there."""
    write_sample_audit(store)
    meant = answered(store).to(Question.CLOSE).selected_by
    where = "assay.pages.components.audit.answers.leading_strategy"
    monkeypatch.setattr(where, lambda ran: str(Strategy.SELECT))
    links = [one.proto for one in opened("overview", audit="sample").main.get("page_link")]
    named = {one.page: one.label for one in links}
    assert named["selection"] == f"Selection: {meant.shown_as}"
    assert named["map"] == f"Map: {meant.shown_as}"
    assert named["transport"] == "Transport"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("AUC 0.9 (0.8–0.95); p < 0.001 corrected", {"AUC", "p-value", "95% interval"}),
        ("documents of the seed corpus", {"seed corpus"}),
        ("students of random selections", {"student", "random selection"}),
        ("Nothing.", set()),
    ],
)
def test_terms_are_found_in_sentences(text, terms):
    """A sentence's terms are those of the glossary that stand in it, and no others."""
    found = explained(text)
    assert terms <= set(found)
    assert all(GLOSSARY[term] == meaning for term, meaning in found.items())
    assert terms or not found


def test_a_wide_table_says_that_it_goes_on(store):
    """Of a table wider than a narrow window the first column stays in view, and the note says how
    many columns there are; a table that fits has neither (the control)."""
    write_sample_audit(store)
    write_sample_suspects(store)
    app = opened("overview", audit="sample")
    wide = app.dataframe[0]
    assert f"sideways: it has {len(wide.value.columns)} columns" in words(app)
    settings = json.loads(wide.proto.columns)
    assert [name for name, one in settings.items() if one.get("pinned")] == ["strategy"]
    assert settings["strategy"]["width"] > 6 * wide.value["strategy"].str.len().max()
    app = opened("suspects")
    assert "sideways" not in words(app)
    assert "pinned" not in app.dataframe[0].proto.columns
