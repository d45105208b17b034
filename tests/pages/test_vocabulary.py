"""The Vocabulary page and the evidence card, on a sealed audit of a real tiny model."""

from __future__ import annotations

import shutil

import duckdb
import pytest
from support.audit_file import HOSTILE, write_sample_audit
from support.half_vocabulary import KNOWN, half_vocabulary
from support.pages import opened, words

from assay.cache.audits.read import read_facts
from assay.cache.audits.vocabulary import read_document_evidence, read_tokens
from assay.cache.store import Store
from assay.pages.components.audit.vocabulary import marked_text, text_reader
from assay.pages.components.escaping import markdown_safe


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One audit, made once; its models lie in its folder."""
    folder = tmp_path_factory.mktemp("half")
    return half_vocabulary(folder), folder / "sealed"


@pytest.fixture
def audit(made, assay):
    half, kept = made
    store = Store.default()
    if not kept.exists():
        result = assay(
            *("audit", "--base", half.base, "--final", half.final, "--budget", 20),
            *("--student-epochs", 0, "--no-map", "--json", "--title", "Half"),
            *("--seed-corpus", half.folder / "leaked.jsonl"),
            *("--seed-corpus", half.folder / "held-out.jsonl"),
            *("--seed-corpus", half.folder / "others.jsonl"),
            *("--reference", half.folder / "trained.jsonl", "--held-out-source", "held-out"),
            *("--strategy", "random", "--strategy", "select", "--strategy", "embedding-match"),
        )
        assert result.status == 0, result.err
        shutil.copytree(store.audits, kept)
    else:
        shutil.copytree(kept, store.audits, dirs_exist_ok=True)
    (path,) = store.audits.glob("*.duckdb")
    return path


def test_the_page_says_what_the_finding_says(audit, made):
    """Headline, tokens, at most how many documents; the table holds exactly the training words."""
    app = opened("vocabulary", audit=audit.stem)
    said = words(app)
    assert "18 of 36 tokens occurred" in said
    facts = read_facts(audit).meta.vocabulary
    sentence = f"At most {facts.n_possible:,} of {facts.n_documents:,} documents"
    assert markdown_safe(sentence) in said
    table = app.dataframe[0].value
    assert set(table["token"]) == KNOWN
    assert table["movement"].is_monotonic_decreasing
    app.text_input(key="search").set_value("rai").run()
    assert app.dataframe[0].value["token"].tolist() == ["rain"]


def test_a_pasted_text_is_judged_and_never_rendered(audit, made):
    """The words that rule it out are named; markup in the text stays text."""
    app = opened("vocabulary", audit=audit.stem)
    (strange,) = sorted(set(made[0].others[0].split()) - KNOWN)[:1]
    app.text_area(key="text").set_value(f"rain {strange} <b>rain</b> [x](http://x)").run()
    assert "Cannot have been trained on" in words(app).replace("\\", "") + app.success[0].value
    (body,) = [one.proto.body for one in app.get("html") if "&lt;" in one.proto.body]
    assert "<b>" not in body
    app.text_area(key="text").set_value(made[0].trained[0]).run()
    assert not app.success
    assert "Can have been trained on" in app.info[0].value


def test_every_letter_of_a_hostile_text_is_escaped(audit):
    """No tag of a text reaches the page, wherever token borders fall."""
    facts = read_facts(audit)
    reader = text_reader(facts.meta.vocabulary, read_tokens(audit))
    for text in (HOSTILE, "<script>rain</script>", "rain<img src=x onerror=y>", "a\"'<b"):
        (reading,) = reader.read([text])
        marked = marked_text(text, reading)
        bare = marked.replace("</span>", "").replace("</div>", "")
        tags = [part.split(">")[0] for part in bare.split("<")[1:]]
        assert all(tag.startswith(("span ", "div ")) for tag in tags), marked


def test_without_the_model_folder_the_page_says_so(audit, made, tmp_path):
    """The tables stay, and the box for texts says why it cannot read any."""
    tokenizer = made[0].final / "tokenizer.json"
    tokenizer.rename(tmp_path / "away.json")
    try:
        app = opened("vocabulary", audit=audit.stem)
        assert "is gone" in app.warning[0].value
        assert not app.get("text_area")
        assert len(app.dataframe)
    finally:
        shutil.move(tmp_path / "away.json", tokenizer)


def test_the_card_names_what_rules_a_document_out(audit, made):
    """Unmoved tokens as plain text; agreement, p and q as they are kept."""
    with duckdb.connect(str(audit), read_only=True) as connection:
        excluded, possible = (
            connection.execute(
                "SELECT document_id FROM document_vocabulary JOIN documents USING (document_id) "
                f"WHERE n_unmoved {how} AND source <> 'held-out' ORDER BY 1"
            ).fetchall()[0][0]
            for how in ("> 0", "= 0")
        )
    said = words(opened("evidence", audit=audit.stem, document=str(excluded)))
    found = read_document_evidence(audit, excluded)
    assert "Cannot have been trained on" in said
    assert "  ".join(found.unmoved) in said
    found = read_document_evidence(audit, possible)
    said = words(opened("evidence", audit=audit.stem, document=str(possible))).replace("\\", "")
    said = said.replace("\N{NO-BREAK SPACE}", " ")
    assert "This does not prove that it was" in said
    assert f"agreement of {found.agreement:.3f}" in said
    assert f"p = {found.p_value:.3f}" in said
    assert f"q = {found.q_value:.3f}" in said


def test_overview_and_membership_have_the_ranking(audit):
    """The overview leads with what moved rows prove, then says what the ranking shows; it stands
    among the rankings with the stored figures."""
    app = opened("overview", audit=audit.stem)
    assert "were not trained on" in app.subheader[0].value
    assert "nput embeddings" in words(app)
    table = opened("membership", audit=audit.stem).dataframe[0].value
    assert "input embeddings" in table["ranking"].tolist()


def test_older_audits_open_everywhere(tmp_path):
    """An audit without the tables is opened by every page that would read them, and says so."""

    def without(builder):
        for table in ("token_movement", "document_vocabulary", "embedding_scores"):
            builder._connection.execute(f"DROP TABLE {table}")
        builder._tables = {
            name: columns
            for name, columns in builder._tables.items()
            if name not in ("token_movement", "document_vocabulary", "embedding_scores")
        }

    write_sample_audit(Store.default(), audit_id="old", before_seal=without)
    assert "older than this page" in opened("vocabulary", audit="old").info[0].value
    for page in ("overview", "evidence", "membership", "titration", "report", "selection"):
        opened(page, audit="old")
