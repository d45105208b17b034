"""A report is one safe file that says what the audit's tables say."""

from __future__ import annotations

import base64
import html
import re
from html.parser import HTMLParser
from itertools import chain

import pytest
from support.audit_file import HOSTILE, write_sample_audit
from support.local_paths import SECRETS, from_a_private_machine
from support.pair_rows import of_pair, write_groups
from support.report import rendered
from support.suspect_record import PAIR, write_sample_suspects
from support.titration_audit import write_sample_titration

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.cache.audits.evidence import evidence_of
from assay.cache.audits.read import read_facts, read_metrics
from assay.cache.files.manifest import file_digest
from assay.cache.store import Store
from assay.core.findings.answers.audit_answers import audit_finding
from assay.core.findings.corpus_ranking import corpus_ranking_finding
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent
from assay.core.findings.rankings_table import judged, members_table
from assay.core.findings.suspect_test import suspect_finding
from assay.core.findings.thresholds import THRESHOLDS
from assay.core.report.pair_findings import Table
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

pytestmark = pytest.mark.usefixtures("tiny_encoder")


class Elements(HTMLParser):
    """All elements with their attributes, and all text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def store():
    return Store.default()


def reported(store, with_documents=False, **sample):
    path = write_sample_audit(store, **sample)
    return path, rendered(store, path, with_documents)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The store of one audit, its file, and the report on it."""
    store = Store(tmp_path_factory.mktemp("plain"))
    return store, *reported(store)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Reports on an audit with a hostile document, without texts and with them."""
    store = Store(tmp_path_factory.mktemp("hostile"))
    path, withheld = reported(store, hostile_rank=0)
    return html.unescape(withheld), html.unescape(rendered(store, path, with_documents=True))


def ranked(builder):
    of_pair(builder)
    write_groups(builder)


@pytest.mark.parametrize("with_documents", [False, True])
def test_nothing_in_it_can_run_or_reach_out(store, with_documents):
    """No script, handler, frame or address, even with hostile documents, titles and labels; and
    a policy that would forbid them."""
    labels = ["<b>", "{{ 7*7 }}", "'\"", "plain"]
    _, page = reported(store, with_documents, title=HOSTILE, label_names=labels, hostile_rank=0)
    found = Elements(page)
    assert not {tag for tag, _ in found.elements} & {"script", "iframe", "object", "link", "a", "b"}
    for _, attributes in found.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:image/svg+xml").startswith("data:image/svg+xml")
    policy = next(a["content"] for _, a in found.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "{{ 7*7 }}" in found.text
    for image in re.findall(r"base64,([^\"]+)", page):
        svg = base64.b64decode(image).decode()
        assert "<script" not in svg
        assert not re.findall(r"href=\"(?!#|data:image/png;base64,)", svg)


def test_texts_are_withheld_unless_asked_for(hostile):
    """A document's words are in the report on request only; its hash stands for them otherwise."""
    withheld, shown = hostile
    assert HOSTILE not in withheld
    assert "Texts are withheld" in withheld
    assert HOSTILE in shown


def test_its_sentences_are_the_overviews(plain):
    """Verdict and sentences are those made from the metric rows, and its table has those rows'
    numbers."""
    store, path, page = plain
    text = Elements(page).text
    rows = MetricTable(read_metrics(path).to_dict("records"))
    found = audit_finding(evidence_of(store, path))
    for sentence in (found.headline, *found.sentences):
        assert sentence.replace("`", "") in text
    assert "<code>assay suspect</code>" in page
    recall = rows.get(Strategy.SELECT, Metric.RECALL)
    assert percent(recall["value"]).removesuffix("%") in text


def test_it_ends_with_the_command_that_asks_again(plain):
    """Provenance holds the command and the versions."""
    _, path, page = plain
    text = Elements(page).text
    assert read_facts(path).meta.command in text
    assert "torch" in text


def test_it_carries_the_evidence_of_its_answers(store):
    """The curve, the map, the classes, the titration and the steps are in it, each with what chance
    gives; and all rankings, thresholds, the checksum on every page and a place to sign."""
    path = write_sample_titration(store)
    page = rendered(store, path)
    text = Elements(page).text
    for title in ("True and false positives", "Titration", "Where the selected documents lie"):
        assert title in text
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert len(captions) == page.count("<img ")
    assert all(re.search(r"[Rr]andom|chance|Grey", one) for one in captions)
    rankings = members_table(
        rows := MetricTable(read_metrics(path).to_dict("records")), judged(rows)
    )
    assert all(str(cell) in text for cell in rankings["membership AUC"])
    for sentence in THRESHOLDS:
        assert sentence in text
    foot = re.search(r"@bottom-left \{ content: (.*?); white-space", page)[1]
    said = re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), foot)
    assert f'"Audit {path.stem}"' in said
    assert f'"SHA-256 {file_digest(path)}"' in said
    assert "counter(page)" in page
    assert all(word in text for word in ("Name", "Date", "Signature"))


def test_no_folder_of_the_machine_is_in_it(store):
    """Places of models and data are shown by name, wherever an audit names them."""
    path = write_sample_audit(store, before_seal=from_a_private_machine)
    page = rendered(store, path, with_documents=True)
    assert not [one for one in (*SECRETS, str(store.root), "with space") if one in page]
    for name in ("base-model", "final-model", "pool.parquet", "y.bin"):
        assert name in page


def test_a_document_is_shown_letter_by_letter(hostile):
    """A path inside a document's text is its text."""
    assert "http://127.0.0.1/x.png" in hostile[1]


def test_the_same_audit_gives_the_same_bytes(plain):
    """A report depends on the store alone; another audit's differs."""
    store, path, page = plain
    assert rendered(store, path) == page
    other = Store(store.root / "other")
    assert reported(other, audit_id="other", n_documents=300)[1] != page


def test_of_a_pair_that_cannot_be_assessed_it_says_so(store):
    """Without scores it has the verdict on the weights, and no figure."""
    assessment = {"verdict": "not assessable", "reasons": ["It did not move."], "hints": []}
    _, page = reported(store, assessment=assessment)
    found = Elements(page)
    assert "not assessable" in found.text
    assert "No documents were scored" in found.text
    assert not [tag for tag, _ in found.elements if tag == "img"]


@pytest.mark.parametrize("has_truth", [True, False])
def test_the_command_writes_it(store, assay, tmp_path, has_truth):
    """`assay report` writes the page, with and without known truth; an unknown audit is refused."""
    path = write_sample_audit(store, has_truth=has_truth)
    out = tmp_path / "report.html"
    assert assay("report", path.stem, "--out", out).status == 0
    assert out.read_text(encoding="utf-8") == rendered(store, path)
    assert assay("report", "nothing", "--out", out).status == 2


def test_what_was_asked_of_the_same_pair_is_in_it(store):
    """Rankings of public corpora and suspect tests of these models, and of no others, are sections
    whose sentences are made from the rows of their tables; the summary repeats their headlines, and
    so does an answer for suspect tests."""
    path = write_sample_audit(store, before_seal=of_pair)
    ranking = write_sample_audit(store, "ranking", title="A ranking", before_seal=ranked)
    write_sample_audit(store, "stranger", title="A stranger", before_seal=write_groups)
    used = write_sample_suspects(store, 0, shift=2.0)
    unused = write_sample_suspects(store, 1)
    refused = write_sample_suspects(store, 2, is_apart=True)
    other = {**PAIR, "final_weights_sha256": "0" * 64}
    write_sample_suspects(store, 3, shift=2.0, pair=other, title="Of another pair")
    html = rendered(store, path)
    text = Elements(html).text
    groups = read_groups(ranking)
    sources = groups[groups["kind"] == "source"].to_dict("records")
    students = read_source_students(ranking).to_dict("records")
    verdicts = [corpus_ranking_finding(sources, students)]
    verdicts += [suspect_finding(record, n_tests=2) for record in (used, unused, refused)]
    for one in verdicts:
        # Suspect tests are named under the question of what is proven, too.
        assert text.count(one.headline) == (2 if one is verdicts[0] else 3)
        assert all(sentence in text for sentence in one.sentences)
    for row in sources:
        assert f"{row['cosine']:.3f} [{row['low']:.3f}–{row['high']:.3f}]" in text
    assert "assay suspect --seed 1" in text
    assert "<b>x</b>" in text
    assert "Of another pair" not in text
    assert "A stranger" not in text
    assert "assay rank-corpora --base base" not in text
    assert "<h3>Not tested</h3>" not in html


def test_each_test_of_a_pair_makes_the_others_p_values_larger(store):
    """A finding that stands alone may fall when other tests of the pair are counted; refused
    tests and those of other models are not counted."""
    record = next(
        found
        for shift in range(40)
        if 0.002 < (found := write_sample_suspects(store, 0, shift / 40)).p_value < 0.005
    )
    assert "favours the suspects" in suspect_finding(record).headline
    assert "no evidence" in suspect_finding(record, n_tests=9).headline
    assert (
        f"p = {9 * record.p_value:.3f} corrected for 9 tests" in suspect_finding(record, 9).headline
    )


def test_what_was_not_asked_is_said_with_its_command(store, plain):
    """Without rankings or suspect tests the report says that they are missing, and how to ask; an
    audit that ranked corpora itself lacks suspect tests only."""
    text = Elements(plain[2]).text
    for command in ("assay rank-corpora --base base", "assay suspect --base base"):
        assert command in text
    assert "Candidate corpora" not in text
    own = Elements(reported(store, audit_id="own", before_seal=write_groups)[1]).text
    assert "assay suspect --base base" in own
    assert "assay rank-corpora --base" not in own
    assert "None of these corpora explains" in own


@pytest.mark.parametrize(("n_columns", "widths"), [(1, [1]), (8, [8]), (9, [5, 5]), (16, [6] * 3)])
def test_a_wide_table_is_printed_in_parts(n_columns, widths):
    """Each part fits the page and repeats the first column; together they have every cell once, in
    order, and a row that is empty in a part is left out of it."""
    rows = [[f"row {r}", *(f"{r}.{c}" for c in range(1, n_columns))] for r in range(3)]
    if n_columns == 9:
        rows[1][5:] = [""] * 4
    table = Table([f"column {c}" for c in range(n_columns)], rows, "the note")
    parts = table.parts(8)
    assert [len(one.columns) for one in parts] == widths
    assert [one.note for one in parts] == [""] * (len(parts) - 1) + ["the note"]
    assert {one.columns[0] for one in parts} == {"column 0"}
    assert list(chain(*(one.columns[1:] for one in parts))) == table.columns[1:]
    for number, own in enumerate(rows):
        shown = [row[1:] for one in parts for row in one.rows if row[0] == f"row {number}"]
        assert list(chain(*shown)) == [cell for cell in own[1:] if cell]
