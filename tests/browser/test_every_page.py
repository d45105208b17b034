"""Every page in a real browser: no complaint of the browser's, and nothing that cannot be read."""

from __future__ import annotations

import pytest
from support.browser import Tab
from support.decompression_file import HOSTILE
from support.views import VIEWS, each_view

from assay.pages.components.page_table import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def unreadable(tab: Tab, views) -> dict[str, list[str]]:
    """What cannot be read of these pages, in either theme; begins and ends in the light one."""
    found = {}
    for name, query in each_view(tab, views):
        for theme in ("light", "dark"):
            seen = tab.in_theme(theme).unreadable()
            # Documents stand there as they are.
            marks = [one for one in seen["marks"] if HOSTILE[:8] not in one]
            if wrong := [*seen["faint"], *marks, *tab.wrong]:
                found[f"{name} {query} {theme}"] = wrong
            tab.wrong.clear()
        tab.in_theme("light")
    return found


def test_every_page_can_be_read_in_both_themes(assay_tab):
    """All text and all marks of charts have the contrast that WCAG AA asks for, no mark of Markdown
    is left standing, the browser reports no error, and nothing is asked of another machine."""
    assert unreadable(assay_tab, VIEWS) == {}


def test_pages_of_an_empty_store_can_be_read(visit, empty):
    """The same of what stands there before anything was made."""
    assert unreadable(visit(empty.address), [(name, {}) for name in PAGES]) == {}


# Numbers, labels and buttons whose text does not fit into them.
_CUT = """() => [...document.querySelectorAll(`[data-testid=stMain] :is(
  [data-testid=stMetric], [data-testid=stWidgetLabel], [data-testid=stPopoverButton], button) *`)]
  .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).overflowX !== 'visible')
  .map(one => one.innerText)"""


def test_nothing_is_cut_in_a_narrow_window(visit, dashboard):
    """At 800 pixels no number, label or button ends in an ellipsis: columns go below each other.
    The control: of columns that stay side by side it is said what they cut."""
    tab, found = visit(dashboard.address, width=800).open("about"), {}
    for name, entry in PAGES.items():
        tab.go(name, **({"audit": "titrated"} if entry.needs_audit else {}))
        if cut := tab.page.evaluate(_CUT):
            found[name] = cut
    assert found == {}
    tab.go("titration", audit="titrated")
    tab.page.add_style_tag(
        content="body [class*=st-key-roomy] [data-testid=stColumn] { min-width: 0 !important }"
    )
    assert tab.page.evaluate(_CUT)


# Tables of which more than half a column is out of view, and nothing after them says so.
_HIDING = """said => [...document.querySelectorAll('[data-testid=stDataFrame]')]
  .filter(one => one.checkVisibility())
  .filter(one => {
    const inner = one.querySelector('.dvn-scroller')
    return inner && inner.scrollWidth > inner.clientWidth + 60
  })
  .filter(table => ![...document.querySelectorAll('[data-testid=stCaptionContainer]')]
    .some(one => one.innerText.includes(said)
      && table.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING))
  .map(one => one.getBoundingClientRect().width)"""


def test_tables_say_that_they_go_on_in_a_narrow_window(visit, dashboard):
    """At 1,024 pixels every table that hides a column is followed by a hint to scroll it sideways.
    The control: where the hints are taken away, tables are found."""
    tab, hint = visit(dashboard.address, width=1024).open("about"), "scroll the table sideways"
    found, n_without = {}, 0
    for name, query in VIEWS:
        about = {"audit": "titrated", **query} if PAGES[name].needs_audit else query
        tab.go(name, **about).page.wait_for_timeout(500)
        n_without += len(tab.page.evaluate(_HIDING, "no such hint"))
        if hiding := tab.page.evaluate(_HIDING, hint):
            found[f"{name} {query}"] = hiding
    assert found == {}
    assert n_without > 5


def written(tab: Tab) -> list[str]:
    """How a page writes everything: its text, that of its charts, and pictures of its tables."""
    texts = tab.main().locator(".js-plotly-plot text").all_text_contents()
    tables = tab.main().get_by_test_id("stDataFrame").locator("visible=true")
    pictures = "() => [...document.querySelectorAll('canvas')].map(one => one.toDataURL())"
    tables.first.locator("canvas table tbody td").first.wait_for(state="attached")
    tab.page.mouse.move(0, 0)
    tab.page.wait_for_timeout(1_000)  # a table is drawn some time after the text around it
    return [tab.main().inner_text(), *texts, *tab.page.evaluate(pictures)]


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("membership", {"audit": "titrated"}),
        ("titration", {"audit": "titrated"}),
        ("corpora", {"audit": "ranked"}),
        ("diff", {"a": "a-0", "b": "b"}),
    ],
)
def test_a_browser_of_another_language_writes_the_same_numbers(visit, dashboard, page, query):
    """One decimal point and one mark between thousands everywhere: 10.000 beside 10,000 is a
    thousandth of it to somebody."""
    seen = []
    for language in ("en-US", "de-DE"):
        tab = visit(dashboard.address, language=language).open(page, **query)
        if page == "diff":  # with a number of parameters
            tab.main().get_by_text("Provenance").click()
            tab.shows("Topics of A")
        assert (
            tab.page.evaluate("(1234.5).toLocaleString()")[1]
            == {"en": ",", "de": "."}[language[:2]]
        )
        seen.append(written(tab))
    assert seen[0] == seen[1]


def test_the_look_for_faint_text_finds_it(visit, dashboard):
    """The control: text that is made too faint is reported, and so are a mark of Markdown and a
    chart's mark."""
    tab = visit(dashboard.address).open("about")
    tab.page.evaluate(
        """() => {
          const [first, second] = document.querySelectorAll('[data-testid=stMain] p')
          first.style.color = '#8a8f96'
          second.textContent = 'see `assay list`'
        }"""
    )
    seen = tab.unreadable()
    assert len(seen["faint"]) == 1
    assert len(seen["marks"]) == 1
    tab.open("overview", audit="titrated")
    tab.main().locator(".js-plotly-plot .points path").first.wait_for()
    assert tab.unreadable()["faint"] == []
    tab.page.evaluate(
        """() => {
          const mark = document.querySelector('.js-plotly-plot .points path')
          mark.style.fill = mark.style.stroke = '#E69F00'
        }"""
    )
    assert tab.unreadable()["faint"] == ["2.25:1 a chart's mark"]


def test_an_empty_store_offers_what_to_do_first(empty, visit):
    """The demo by a button, and a new audit by a link that leads to the form."""
    tab = visit(empty.address).open()
    assert tab.main().get_by_role("button", name="Run the demo").is_enabled()
    tab.main().get_by_role("link", name="New audit").click()
    tab.titled("New job · Assay").shows("Kind of job")


def test_a_read_only_dashboard_offers_nothing_that_changes_anything(visit, read_only):
    """On no page is there a button to start, run, cancel, remove, delete, mark or save, nor an
    upload."""
    tab = visit(read_only.address).open("about")
    for name in (
        "overview",
        "evidence",
        *(name for name, entry in PAGES.items() if not entry.needs_audit),
    ):
        tab.go(name, **({"audit": "titrated"} if PAGES[name].needs_audit else {}))
        buttons = tab.page.get_by_role("button").all_inner_texts()
        words = {word for label in buttons for word in label.split()}
        changes = {"Start", "Run", "Cancel", "Remove", "Resume", "Delete"}
        assert not words & (changes | {"Accept", "Reject", "Save", "Rename"}), name
        assert not tab.main().locator("input[type=file]").count(), name
    tab.open("new_audit").shows("This dashboard is read-only")
