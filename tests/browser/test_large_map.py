"""A map of 100,000 documents answers to every gesture within two seconds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.audit_file import write_sample_audit
from support.map_canvas import Canvas
from support.server import Server

from assay.cache.audits.comparison import read_selected_places
from assay.cache.audits.map_documents import read_matching
from assay.cache.audits.read import SelectionFilter
from assay.cache.store import Store
from assay.core.specs.strategies import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

# Whatever else the machine does can only add to the least of several tries.
_TRIES, _MOST_S = 3, 2.0


@pytest.fixture(scope="module")
def large(chromium, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("large") / "home")
    path = write_sample_audit(store, "large", n_documents=100_000, budget=2_000)
    server = Server(store.root, "--read-only")
    yield SimpleNamespace(address=server.address, path=path)
    server.close()


@pytest.fixture
def opened(visit, large):
    """A tab on the map, and its canvas."""
    tab = visit(large.address).open("map", audit="large", strategy="SELECT")
    return tab, Canvas(tab, large.path)


def test_pointing_at_a_document_shows_it_at_once(opened, large):
    """The next frame has the document's text."""
    tab, canvas = opened
    rows = read_selected_places(large.path, Strategy.SELECT, 50)
    for number in rows["document_id"][:5]:
        canvas.point_at(int(number))
        assert tab.main().locator(".tip .text").inner_text(timeout=500)


def test_every_gesture_is_answered_within_two_seconds(opened, large):
    """Click, lasso, search and filter, from the gesture until the page is drawn; and they do
    something."""
    tab, canvas = opened
    number = int(read_selected_places(large.path, Strategy.SELECT, 1)["document_id"].iloc[0])
    least = {}

    def timed(what, gesture, *several):
        seconds = [tab.redrawn(one) for one in (gesture, *several)]
        least[what] = min(seconds)

    timed("click", *[lambda: canvas.click(number)] * _TRIES)
    assert tab.query()["document"]

    def lasso(right):
        return lambda: canvas.draw_around([(0.3, 0.3), (right, 0.25), (0.7, 0.6), (0.4, 0.7)])

    timed("lasso", *map(lasso, (0.6, 0.61, 0.62)))
    assert tab.query()["area"]
    box = tab.main().get_by_label("Search texts")

    def search(word):
        def typed():
            box.fill(word)
            box.press("Enter")

        return typed

    timed("search", *map(search, ("telescope", "market", "comet")))
    n_found = len(read_matching(large.path, SelectionFilter("comet", (), ()), None))
    tab.shows(f"{n_found:,} documents match.")
    timed("clear", search(""))
    tab.page.get_by_role("button", name="Filter").click()
    options = tab.page.get_by_role("combobox", name="Selected by")

    def select(name):
        def chosen():
            options.click()
            tab.page.get_by_role("option", name=name, exact=True).click()

        return chosen

    options.wait_for()
    timed("filter", *map(select, ("random", "top-k", "SELECT")))
    assert tab.query()["selected"] == "SELECT"
    assert max(least.values()) < _MOST_S, least
