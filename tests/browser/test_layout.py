"""No label of a chart is cut, and nothing lies on anything else, on any page at any width."""

from __future__ import annotations

import pytest
from support.views import FULL_VIEWS, VIEWS, each_view

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.mark.parametrize("width", [800, 1280, pytest.param(1920, marks=pytest.mark.slow)])
def test_every_label_of_a_chart_can_be_read(visit, dashboard, width):
    """None is left out for lack of room, cut by the chart's edge, or lies on another; no command in
    a sentence is on two lines; and every button and link can be pressed, whatever is near it."""
    tab = visit(dashboard.address, width=width)
    found = {
        f"{name} {query}": wrong
        for name, query in each_view(tab, [*VIEWS, *FULL_VIEWS])
        if (wrong := tab.misplaced())
    }
    assert found == {}


def test_what_is_misplaced_is_found(visit, dashboard):
    """The control: a chart that is squeezed, one that is cut, and a button under something else
    are told of."""
    tab = visit(dashboard.address).open("overview", audit="ranked")
    assert tab.misplaced() == []
    plot = "[data-testid=stMain] .js-plotly-plot"
    over = "content: ''; position: fixed; inset: 0"
    for wrong, style in (
        ("left out", f"{plot} .xtick:last-child text {{ opacity: 0 }}"),
        ("cut by", f"{plot} .main-svg {{ left: -60px !important }}"),
        ("on each other", f"{plot} .xtick text {{ font-size: 60px !important }}"),
        (
            "on two lines",
            "body [data-testid=stMain] p code { white-space: normal !important } "
            "[data-testid=stMain] p { width: 20px; word-break: break-all }",
        ),
        ("covered", f"[data-testid=stMain]::after {{ {over} }}"),
    ):
        added = tab.page.add_style_tag(content=style)
        assert any(one.startswith(wrong) for one in tab.misplaced()), wrong
        added.evaluate("one => one.remove()")


def test_filters_of_selection_stand_in_columns(visit, dashboard):
    """The second row of filters begins where the first does, filter by filter."""
    tab = visit(dashboard.address).open("selection", audit="titrated")
    lefts = (
        tab.main()
        .locator(".st-key-roomy-selection-controls")
        .evaluate(
            """one => [...one.querySelectorAll('[data-testid=stHorizontalBlock]')].map(row =>
          [...row.children].map(column => Math.round(column.getBoundingClientRect().left)))"""
        )
    )
    assert len(lefts) == 2
    assert lefts[0] == lefts[1]


def test_texts_in_static_tables_use_their_column(visit, dashboard):
    """A meaning of a word, a setting or a fact takes two lines only where one has no room, and none
    is wider than the page."""
    tab = visit(dashboard.address)
    for name, query in (("about", {}), ("compare", {"audits": "titrated,again"}), ("evidence", {})):
        (_,) = each_view(tab, [(name, query)])
        table = tab.main().get_by_test_id("stTable").first
        unused = table.locator("td").evaluate_all(
            """all => all.map(cell => {
              const text = cell.querySelector('[data-testid=stMarkdownContainer]') ?? cell
              const lines = text.getBoundingClientRect().height
                / parseFloat(getComputedStyle(text).lineHeight)
              return lines > 1.5 ? cell.clientWidth - text.clientWidth : 0
            })"""
        )
        assert unused
        assert max(unused) < 40, name
        assert table.evaluate("one => one.scrollWidth <= one.clientWidth + 1"), name


def test_a_card_without_a_picture_uses_its_width(visit, dashboard):
    """An answer with nothing to draw beside it does not leave a third of its card empty."""
    tab = visit(dashboard.address).open("overview", audit="titrated")
    cards = tab.main().locator("[class*=st-key-answer-]")
    shares = cards.evaluate_all(
        """all => all.map(card => [
          card.querySelector('.js-plotly-plot') !== null,
          card.querySelector('[data-testid=stColumn]').clientWidth / card.clientWidth])"""
    )
    assert {has_picture for has_picture, _ in shares} == {True, False}
    assert all((share < 0.7) == has_picture for has_picture, share in shares)


def test_a_choice_that_is_too_long_ends_in_an_ellipsis(visit, dashboard):
    """The audit's name in the sidebar is the one that has the least room."""
    tab = visit(dashboard.address).open("overview", audit="titrated")
    shown = tab.page.get_by_test_id("stSidebar").get_by_role("combobox").first
    assert shown.evaluate("one => getComputedStyle(one).textOverflow") == "ellipsis"


def test_charts_go_below_each_other_in_a_narrow_window(visit, dashboard):
    """Two beside each other at 1280 pixels, each as wide as the page at 800."""
    for width, n_beside in ((1280, 2), (800, 1)):
        tab = visit(dashboard.address, width=width).open("overview", audit="ranked")
        charts = tab.main().locator("[class*=st-key-chart-] .js-plotly-plot")
        tops = charts.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        assert len(tops) == 2
        assert len({round(top) for top in tops}) == 3 - n_beside


def test_the_toolbar_of_a_table_leaves_the_download_free(visit, dashboard):
    """With the pointer on a table, which shows its toolbar, Export opens its menu."""
    tab = visit(dashboard.address)
    for name, query in (("membership", {}), ("selection", {}), ("topics", {"decompression": "b"})):
        (_,) = each_view(tab, [(name, query)])
        if name == "topics":
            tab.page.get_by_role("tab", name="List").click()
        tab.main().get_by_test_id("stDataFrame").locator("visible=true").first.hover()
        tab.main().get_by_role("button", name="Export").first.click(timeout=10_000)
        tab.page.get_by_test_id("stPopoverBody").get_by_role("button").first.wait_for()
        tab.page.keyboard.press("Escape")
