"""A report is one safe file that says what the audit's tables say."""

from __future__ import annotations

import base64
import html
import re
from html.parser import HTMLParser

import pytest
from sample_audit import HOSTILE, write_sample_audit

from cache.home import Store
from cache.read import read_facts, read_metrics
from core.report.render import render_report
from core.specs import Metric, Strategy
from core.verdict import Rows, percent, verdict


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
    return path, render_report(path, with_documents)


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
        assert not re.findall(r"href=\"(?!#)", svg)


def test_texts_are_withheld_unless_asked_for(store):
    """A document's words are in the report on request only; its hash stands for them otherwise."""
    path, withheld = reported(store, hostile_rank=0)
    assert HOSTILE not in html.unescape(withheld)
    assert "Texts are withheld" in withheld
    assert HOSTILE in html.unescape(render_report(path, with_documents=True))


def test_its_sentences_are_the_overviews(store):
    """Verdict and sentences are those made from the metric rows, and its table has those rows'
    numbers."""
    path, page = reported(store)
    text = Elements(page).text
    rows = Rows(read_metrics(path).to_dict("records"))
    found = verdict(rows, read_facts(path).strategies)
    for sentence in (found.headline, *found.sentences):
        assert sentence in text
    recall = rows.get(Strategy.SELECT, Metric.RECALL)
    assert percent(recall["value"]).removesuffix("%") in text


def test_it_ends_with_the_command_that_asks_again(store):
    """Provenance holds the command and the versions."""
    path, page = reported(store)
    text = Elements(page).text
    assert read_facts(path).meta["provenance"]["command"] in text
    assert "torch" in text


def test_the_same_audit_gives_the_same_bytes(store):
    """A report depends on the audit alone; another audit's differs."""
    path, page = reported(store)
    assert render_report(path) == page
    assert reported(store, audit_id="other", n_documents=300)[1] != page


def test_of_a_pair_that_cannot_be_assessed_it_says_so(store):
    """Without scores it has the verdict on the weights, and no figure."""
    assessment = {"verdict": "not assessable", "reasons": ["It did not move."], "hints": []}
    _, page = reported(store, assessment=assessment)
    found = Elements(page)
    assert "not assessable" in found.text
    assert "Nothing was scored" in found.text
    assert not [tag for tag, _ in found.elements if tag == "img"]


@pytest.mark.parametrize("has_truth", [True, False])
def test_the_command_writes_it(store, assay, tmp_path, has_truth):
    """`assay report` writes the page, with and without known truth; an unknown audit is refused."""
    path = write_sample_audit(store, has_truth=has_truth)
    out = tmp_path / "report.html"
    assert assay("report", path.stem, "--out", out).status == 0
    assert out.read_text(encoding="utf-8") == render_report(path)
    assert assay("report", "nothing", "--out", out).status == 2
