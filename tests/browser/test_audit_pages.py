"""One audit in a real browser: moving around, reading, drawing, and what leaves as a file."""

from __future__ import annotations

import numpy as np
import pytest
from support.contrast import contrast
from support.map_canvas import Canvas

from assay.cache.audits.map_documents import read_matching
from assay.cache.audits.read import (
    SelectionFilter,
    audit_path,
    read_document,
    read_facts,
    read_selection,
)
from assay.core.specs.strategies import Strategy
from assay.pages.components.audit.map_choice import area_from, inside
from assay.pages.components.page_table import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def path(dashboard):
    return audit_path(dashboard.store, "sample")


def test_the_sidebar_leads_by_question_and_back_leads_back(assay_tab):
    """A question opens its pages, links keep the audit, another audit can be chosen, and Back shows
    the audit before; titles name page and audit."""
    tab = assay_tab.open("overview", audit="sample").titled("Overview · Sample audit · Assay")
    sidebar = tab.page.get_by_test_id("stSidebar")
    sidebar.get_by_text("Which documents were used?").click()
    sidebar.get_by_role("link", name="Membership").click()
    tab.page.wait_for_url("**/membership?audit=sample")
    tab.settled().titled("Membership · Sample audit · Assay")
    sidebar.get_by_role("combobox", name="Audit").click()
    tab.page.get_by_role("option", name="Sample titration").first.click()
    tab.titled("Membership · Sample titration")
    assert tab.settled().query()["audit"] != "sample"
    tab.page.go_back()
    tab.titled("Membership · Sample audit")
    assert tab.settled().query()["audit"] == "sample"


# Links of the sidebar that stand on another ground than the rest.
_CURRENT = """() => [...document.querySelectorAll('[data-testid=stSidebar] a')]
  .filter(one => getComputedStyle(one).backgroundColor !== 'rgba(0, 0, 0, 0)')
  .map(one => one.lastElementChild.innerText.trim())"""


@pytest.mark.parametrize("name", ["", "audits", "jobs"])
def test_the_sidebar_marks_the_page_that_is_open(assay_tab, name):
    """At both addresses of the first page, too."""
    tab = assay_tab.open(name)
    assert tab.page.evaluate(_CURRENT) == [PAGES[name or "audits"].title]


# Every title that the browser has had since.
_TITLES = """() => {
  window.titles = new Set([document.title])
  new MutationObserver(() => window.titles.add(document.title))
    .observe(document.head, { childList: true, subtree: true, characterData: true })
}"""


def test_a_title_stays_while_its_page_runs_anew(assay_tab):
    """A choice on a page changes no title, not even for a moment; another page changes it once."""
    tab = assay_tab.open("selection", audit="sample").titled("Selection · Sample audit · Assay")
    tab.page.evaluate(_TITLES)
    tab.choose("Strategy", "random")
    assert tab.page.evaluate("[...titles]") == ["Selection · Sample audit · Assay"]
    tab.go("map", audit="sample")
    assert tab.page.evaluate("[...titles].slice(1)") == ["Map · Sample audit · Assay"]


# How far the page is scrolled once the address is another, as a link makes it.
_SCROLLED = """address => {
  const main = document.querySelector('[data-testid=stMain]')
  main.scrollTo(0, 900)
  history.pushState({}, '', address)
  return main.scrollTop
}"""


def test_another_page_is_shown_from_its_begin(assay_tab):
    """However far down somebody has read; another choice on the same page moves nothing."""
    tab = assay_tab.open("about").shows("Words")
    assert tab.page.evaluate(_SCROLLED, "about?q=snow") == 900
    assert tab.page.evaluate(_SCROLLED, "jobs") == 0


def test_back_after_a_link_shows_the_page_with_its_filters(assay_tab):
    """One step back leads to the strategy that was looked at, though the page between has a choice
    of strategies too; one step forward leads to that page again."""
    tab = assay_tab.open("selection", audit="sample", strategy="random")
    sidebar = tab.page.get_by_test_id("stSidebar")
    sidebar.get_by_role("link", name="Map").click()
    tab.page.wait_for_url("**/map?audit=sample")
    tab.settled().page.go_back()
    tab.page.wait_for_url("**/selection?**strategy=random**")
    tab.settled().page.wait_for_timeout(1_000)
    assert tab.query() == {"audit": "sample", "strategy": "random"}
    assert tab.main().get_by_role("combobox", name="Strategy").input_value() == "random"
    tab.page.go_forward()
    tab.page.wait_for_url("**/map?audit=sample")
    tab.settled().titled("Map · Sample audit · Assay")


def test_a_link_from_a_filtered_map_leads_to_the_documents_that_it_names(assay_tab):
    """Both pages are asked for documents, so Streamlit would drop those of the link."""
    tab = assay_tab.open("map", audit="sample", documents="3,7", area="0-0.2000-0.2000-2000.0-2000")
    tab.main().get_by_role("link", name="Evidence on these 2 documents").click()
    tab.page.wait_for_url("**/evidence?**")
    tab.shows("2 documents of this link")
    assert tab.settled().query()["documents"] == "3,7"


def test_a_link_to_the_same_page_is_in_the_address(assay_tab):
    """From a test that is not there to the newest: the address follows, and a reload shows it."""
    tab = assay_tab.open("suspects", test="gone").shows("There is no suspect test named gone")
    tab.main().get_by_role("button", name="The newest suspect test").click()
    tab.page.wait_for_url("**test=suspect-**")
    tab.page.reload()
    assert not tab.settled().main().get_by_text("named gone").count()
    tab.shows("Are the two sets comparable?")


def test_a_wrong_address_says_what_is_wrong(assay_tab):
    """An audit or a document that is not there is named, and no other is shown for it."""
    assay_tab.open("evidence", audit="sample", document="400")
    assay_tab.shows("This audit has no document 400; its documents are numbered 0 to 399.")
    assay_tab.open("membership", audit="gone").shows("There is no audit named gone in this store")


def test_the_selection_that_is_searched_is_the_one_that_is_exported(assay_tab, path):
    """Table and file hold exactly the selected documents with the word, in their ranks."""
    tab = assay_tab.open("selection", audit="sample", strategy="top-k")
    search = tab.page.get_by_label("Search texts")
    search.fill("telescope")
    search.press("Enter")
    tab.page.wait_for_url("**search=telescope**")
    chosen = SelectionFilter("telescope", (), ())
    expected = read_selection(path, Strategy.TOP_K, chosen, 400, 0).rows
    assert 0 < len(expected) < 60
    tab.shows(f"{len(expected)} documents").settled()
    tab.shows_first_row([str(expected["rank"][0] + 1), expected["text"][0]])
    for kind in ("CSV", "JSON Lines", "Parquet"):
        saved = tab.export("selection", kind)
        assert saved.rows["document_id"].tolist() == expected["document_id"].tolist()
        assert saved.rows["rank"].tolist() == (expected["rank"] + 1).tolist()
        assert saved.rows["text"].tolist() == expected["text"].tolist()
        assert saved.manifest["chosen"]["search"] == "telescope"


def test_every_document_on_the_map_can_be_seen(assay_tab, path):
    """A point that nobody selected has 3:1 contrast with the page in either theme."""
    tab = assay_tab.open("map", audit="sample", strategy="random")
    canvas = Canvas(tab, path)
    number = canvas.lonely()
    for theme in ("light", "dark"):
        tab.in_theme(theme).page.wait_for_timeout(500)
        assert contrast(*canvas.colours_at(number)) >= 3


def test_a_document_of_the_map_can_be_pointed_at_and_read(assay_tab, path):
    """Pointing shows the start of its text; a click opens it beside the map and in the address, and
    from there all evidence on it."""
    tab = assay_tab.open("map", audit="sample", true="false")
    canvas = Canvas(tab, path)
    number = canvas.lonely()
    text = read_document(path, number)["text"]
    canvas.point_at(number)
    assert tab.main().locator(".tip .text").inner_text() == " ".join(text.split())[:160]
    tab.page.mouse.down()
    tab.page.mouse.up()
    tab.page.wait_for_url(f"**document={number}**")
    tab.shows(f"Document {number:,}").shows(text)
    tab.main().get_by_role("link", name="All evidence on this document").click()
    tab.page.wait_for_url("**/evidence**")
    tab.shows("Membership rankings").shows(text)
    assert tab.query() == {"audit": "sample", "document": str(number)}


def test_a_lasso_lists_links_and_exports_what_lies_inside(assay_tab, visit, dashboard, path):
    """Table, another visitor's view of the address, and the file hold the documents inside the
    drawn area, no more and no fewer."""
    tab = assay_tab.open("map", audit="sample", strategy="SELECT")
    canvas = Canvas(tab, path)
    canvas.draw_around([(0.3, 0.3), (0.6, 0.25), (0.7, 0.6), (0.4, 0.7)])
    tab.page.wait_for_url("**area=**")
    area = area_from(tab.query()["area"], canvas.bounds)
    expected = set(np.flatnonzero(inside(canvas.places, area)).tolist())
    assert 20 < len(expected) < 380
    tab.shows(f"{len(expected)} documents").settled()
    saved = tab.export("map-documents")
    assert set(saved.rows["document_id"]) == expected
    assert set(saved.manifest["chosen"]["chosen_on_map"]) == expected
    other = visit(dashboard.address)
    other.page.goto(tab.page.url)
    other.settled().shows(f"{len(expected)} documents")
    assert set(other.export("map-documents").rows["document_id"]) == expected


def test_a_search_on_the_map_lists_what_matches(assay_tab, path):
    """The table holds all documents with the word, also those that were not selected."""
    tab = assay_tab.open("map", audit="sample", search="comet")
    expected = read_matching(path, SelectionFilter("comet", (), ()), None).tolist()
    tab.shows(f"{len(expected)} documents")
    assert sorted(tab.export("map-documents").rows["document_id"]) == expected


def test_the_wheel_scrolls_the_page_until_one_is_in_the_map(assay_tab, path):
    """Over the map the wheel moves the page; after a click, or with Ctrl, it zooms instead."""
    tab = assay_tab.open("map", audit="sample", true="false")
    canvas = Canvas(tab, path)
    scrolled = "() => document.querySelector('[data-testid=stMain]').scrollTop"
    canvas.point_at(canvas.lonely())
    before = tab.page.evaluate(scrolled)
    tab.page.mouse.wheel(0, 60)
    tab.page.wait_for_function(f"before => ({scrolled})() > before", arg=before)
    canvas = Canvas(tab, path)
    picture = canvas.top.locator("xpath=../canvas[1]").evaluate_handle("one => one")
    tab.page.keyboard.down("Control")
    canvas.point_at(canvas.lonely())
    drawn, before = picture.evaluate("one => one.toDataURL()"), tab.page.evaluate(scrolled)
    tab.page.mouse.wheel(0, -60)
    tab.page.wait_for_function("([one, drawn]) => one.toDataURL() !== drawn", arg=[picture, drawn])
    tab.page.keyboard.up("Control")
    assert tab.page.evaluate(scrolled) == before


def test_moving_the_share_redraws_the_titration(assay_tab, dashboard):
    """The pool's size, the live selection and its chart follow the slider, and so does the link."""
    counts = read_facts(audit_path(dashboard.store, "titrated")).meta.counts
    tab = assay_tab.open("titration", audit="titrated", share="50")
    canvas = "[data-testid=stEChartsChart] canvas"
    drawn = tab.main().locator(canvas).first.evaluate("one => one.toDataURL()")
    slider = tab.page.get_by_role("slider").first
    slider.focus()
    slider.press("End")
    n_leaked = counts.n_leaked
    tab.shows(f"Live: the pool has {counts.n_documents:,} documents, {n_leaked:,} of them")
    tab.page.wait_for_url("**share=100**")
    tab.page.wait_for_function(
        "([canvas, drawn]) => document.querySelector(canvas).toDataURL() !== drawn",
        arg=[canvas, drawn],
    )


def test_a_slider_is_followed_once_the_mouse_lets_it_go(assay_tab):
    """While it is held the page stays as it is, and then shows the new pool."""
    tab = assay_tab.open("titration", audit="titrated", share="50")
    before = tab.main().get_by_text("Live: the pool has").inner_text()
    box = tab.page.get_by_role("slider").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = tab.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 60, y, steps=10)
    tab.page.wait_for_timeout(1_000)
    assert tab.main().get_by_text("Live: the pool has").inner_text() == before
    tab.redrawn(mouse.up)
    assert tab.main().get_by_text("Live: the pool has").inner_text() != before
    assert tab.query()["share"] != "50"


def test_an_evidence_card_holds_the_documents_own_ranks(assay_tab, dashboard):
    """Text, ranks and rankings are those of the document that the address names, as exported."""
    path = audit_path(dashboard.store, "titrated")
    everything = SelectionFilter()
    first = read_selection(path, Strategy.SELECT, everything, 1, 0).rows.iloc[0]
    number = int(first["document_id"])
    tab = assay_tab.open("evidence", audit="titrated", document=number)
    tab.shows(first["text"]).shows("Membership rankings")
    ranks = tab.export(f"document-{number}-ranks").rows.set_index("strategy")["rank"]
    assert ranks["SELECT"] == 1


def test_class_balance_and_transport_answer_to_their_choices(assay_tab):
    """Choosing another grouping or distance changes chart, table and address."""
    tab = assay_tab.open("class_balance", audit="sample")
    before = tab.export("balance").rows
    tab.page.get_by_role("radio", name="source").click()
    tab.page.wait_for_url("**by=source**")
    after = tab.shows("Bars: selection, by source").export("balance").rows
    assert "sport, %" in before
    assert {"held-out, %", "leaked, %"} < set(after.columns)
    tab.open("transport", audit="sample").shows("Optimal transport")
    tab.page.get_by_text("Vocabulary containment").first.click()
    tab.page.wait_for_url("**distance=**")
    tab.shows("smaller vocabulary")
