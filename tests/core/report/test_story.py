"""A presentation is one safe page that tells what the audit found, how surely, and its limits."""

from __future__ import annotations

import base64
import hashlib
import html
import re

import pandas as pd
import pytest
from support.audit_file import HOSTILE, write_sample_audit
from support.evidence import ranked_corpus
from support.local_paths import SECRETS, from_a_private_machine
from support.titration_audit import write_sample_titration

from assay.cache.audits.evidence import evidence_of
from assay.cache.files.manifest import file_digest
from assay.cache.store import Store
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.report.figures.audit_figures import AuditFigures
from assay.core.report.figures.dots import corpus_dots
from assay.core.report.figures.drawing import STORY
from assay.core.report.figures.titration import titration_curves
from assay.core.report.story import render_story, slides_of
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

# All draws equal: their mean may be rounded beside them.
RECALL = {"metric": str(Metric.RECALL), "value": 0.1}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A titration, whose story has every kind of slide."""
    store = Store(tmp_path_factory.mktemp("store"))
    path = write_sample_titration(store)
    return store, path, render_story(store, path)


def test_it_tells_the_overviews_answers_each_with_its_certainty(told):
    """All four, in the words of the Overview, then thresholds and limits."""
    store, path, page = told
    text = html.unescape(re.sub(r"</?code>", "`", page))
    for one in audit_answers(evidence_of(store, path)).answers:
        assert one.question in text
        assert one.headline in text
        assert one.certainty in text
    for part in ("How it works", "How sure is that", "What this does not show"):
        assert part in text


def test_every_figure_says_what_chance_gives(told):
    """No slide shows a figure without its null."""
    store, path, _ = told
    drawn = [one.drawing for one in slides_of(path, evidence_of(store, path)) if one.drawing]
    assert {one.name for one in drawn} >= {"turning", "approach", "membership-curve", "titration"}
    assert all(re.search(r"[Rr]andom|chance|Grey", one.caption) for one in drawn)


def test_every_axis_of_a_figure_is_named(told):
    """A figure is exported without its caption: each axis with ticks has a title, and grey is
    explained on a figure that has a band of chance."""
    store, path, _ = told
    drawn = AuditFigures(path, evidence_of(store, path), STORY).all
    ranked = corpus_dots([ranked_corpus("news", 0.4, 0.35, 0.45)], STORY)
    assert {"transport", "recall", "class-balance"} <= {one.name for one in drawn}
    for one in (*drawn, ranked):
        for axes in one.figure.axes:
            if axes.xaxis.get_visible() and axes.get_xticks().size and axes.axison:
                assert axes.get_xlabel(), one.name
        if "Grey" in one.caption and one.name not in ("turning", "map"):
            legends = [text.get_text() for own in one.figure.legends for text in own.get_texts()]
            said = " ".join([*legends, *(axes.get_xlabel() for axes in one.figure.axes)])
            assert re.search("chance|random|did not move", said), one.name


def test_a_titration_draws_the_strategy_that_its_finding_is_about():
    """And the main one, which may have failed, each once beside the controls that were measured."""
    draws = [
        {"leaked_share": share, "budget": 20, "strategy": str(name), "seed": seed} | RECALL
        for share in (0.5, 1.0)
        for name in (Strategy.EMBEDDING_MATCH, Strategy.SELECT, Strategy.RANDOM)
        for seed in range(3)
    ]
    for asked in ((Strategy.EMBEDDING_MATCH, Strategy.SELECT), (Strategy.SELECT,) * 2):
        drawing = titration_curves(pd.DataFrame(draws), 20, asked, STORY)
        (legend,) = drawing.figure.legends
        names = [text.get_text() for text in legend.get_texts()]
        assert names == [*(one.shown_as for one in dict.fromkeys(asked)), "random"]


def test_every_slide_names_the_audit(told):
    """On screen in its footer, in print at the foot of the page."""
    _, path, page = told
    n_slides = page.count("<section ")
    assert page.count(f"<footer>Audit {path.stem} · SHA-256 {file_digest(path)[:16]}") == n_slides
    assert f'aria-label="Slide {n_slides} of {n_slides}"' in page
    assert "@bottom-left" in page


def test_only_its_own_script_runs_and_nothing_is_loaded(told):
    """The policy allows one script, by its digest, and images inside the page."""
    _, _, page = told
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    sources = re.findall(r'\b(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(one.startswith("data:image/svg+xml;base64,") for one in sources)
    assert not re.search(r"\son\w+=", page)


def test_names_from_files_stay_text_and_folders_stay_away(tmp_path):
    """Hostile titles, labels and places are shown as text, without folders."""
    store = Store(tmp_path)
    labels = ["<b>x</b>", "{{ 7*7 }}", "$\\frac$", "plain"]
    path = write_sample_audit(
        store,
        n_documents=80,
        budget=10,
        title=HOSTILE,
        label_names=labels,
        before_seal=from_a_private_machine,
    )
    page = render_story(store, path)
    assert "<b>" not in page
    assert page.count("<script") == 1
    assert HOSTILE in html.unescape(page)
    assert not [one for one in (*SECRETS, str(tmp_path)) if one in page]


def test_a_pair_that_cannot_be_assessed_is_told_too(tmp_path):
    """Without scores there is no figure, and the story says what that does not mean."""
    store = Store(tmp_path)
    assessment = {"verdict": "not assessable", "reasons": ["It did not move."], "hints": []}
    page = render_story(store, write_sample_audit(store, assessment=assessment))
    assert "<img" not in page
    assert "does not show whether anything leaked" in page


def test_the_command_writes_figures_for_other_documents(told, assay, tmp_path):
    """Each figure once as SVG and once as PNG, and no file of the user is lost."""
    store, path, page = told
    out, figures = tmp_path / "story.html", tmp_path / "figures"
    result = assay("present", path.stem, "--out", out, "--figures", figures, "--store", store.root)
    assert result.status == 0, result.err
    assert out.read_text() == page
    svg = {file.stem for file in figures.glob("*.svg") if b"<svg" in file.read_bytes()}
    png = {file.stem for file in figures.glob("*.png") if file.read_bytes()[1:4] == b"PNG"}
    assert svg == png
    assert {"turning", "membership-curve", "map", "class-balance"} <= svg
    out.write_text("mine")
    assert assay("present", path.stem, "--out", out, "--store", store.root).status == 2
    assert out.read_text() == "mine"
    assert assay("present", path.stem, "--store", store.root).status == 2
