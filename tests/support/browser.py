"""A real browser on the real dashboard: Playwright drives the Chromium of this machine."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from support.visitor import unpacked

from assay.pages.components.page_table import PAGES

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# After the script has ended the browser may still be drawing what it sent: wait until it has
# nothing to do, and look again.
_IS_SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]')
  const isDone = app && app.dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid=stMain]')
      .querySelector('[data-testid=stHeading], [data-testid=stAlert]')
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
      .every(chart => !chart.checkVisibility() || chart.querySelector('.main-svg'))
    && !document.querySelector('[data-testid=stEChartsChart][aria-busy=true]')
  if (!isDone) window.calm = null
  else if (!window.calm) {
    const calm = window.calm = { isIdle: false }
    const later = then => requestIdleCallback(then, { timeout: 500 })
    later(() => later(() => { calm.isIdle = true }))
  } else if (window.calm.isIdle) {
    window.calm = null
    return true
  }
  return false
}"""
# So long even where other programs use the processor.
_PATIENCE_MS = 120_000
_MOMENTS = 8
_BEGINS = """
  const app = document.querySelector('[data-testid=stApp]')
  new MutationObserver((_, self) => {
    if (app.dataset.testScriptState === 'notRunning') return
    self.disconnect()
    begun()
  }).observe(app, { attributeFilter: ['data-test-script-state'] })
  setTimeout(begun, LIMIT)  // a short run may begin and end before the page is drawn
"""
_GO = f"""address => new Promise(begun => {{{_BEGINS.replace("LIMIT", "3000")}
  history.pushState({{}}, '', address)
  dispatchEvent(new PopStateEvent('popstate'))
}})"""
_BEGUN = f"() => new Promise(begun => {{{_BEGINS.replace('LIMIT', '1000')}}})"
# Milliseconds from a gesture until the page has run and is drawn anew.
_REDRAWN = """() => new Promise((found, failed) => {
  const app = document.querySelector('[data-testid=stApp]')
  let begin, hasRun = false
  const note = () => { begin ??= performance.now() }
  for (const kind of ['keydown', 'pointerup']) addEventListener(kind, note, { capture: true })
  new MutationObserver((_, self) => {
    const isRunning = app.dataset.testScriptState !== 'notRunning'
    hasRun ||= isRunning
    if (!begin || !hasRun || isRunning) return
    self.disconnect()
    // The frame after the one in which a chart has asked to be drawn.
    requestAnimationFrame(() => requestAnimationFrame(() => found(performance.now() - begin)))
  }).observe(app, { attributeFilter: ['data-test-script-state'] })
  setTimeout(() => failed(new Error('the page did not run within 30 s')), 30000)
})"""
_HAS_THEME = """theme =>
  getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === theme"""
_READABLE, _MISPLACED = (
    (Path(__file__).parent / name).read_text(encoding="utf-8")
    for name in ("readable.js", "layout.js")
)
_HOLDS = """([label, value]) =>
  document.querySelector(`[data-testid=stMain] input[aria-label="${label}"]`)?.value === value"""
_IS_TITLED = "begin => document.title.startsWith(begin)"
# What a browser writes to its console that says nothing about our pages: where, and what.
_IGNORED = (
    # Streamlit's front end looks for its server below a page's address first, then at the root.
    (re.compile(r"/_stcore/(health|host-config)$"), re.compile("404")),
    # Without a graphics card Plotly's large scatter plots are drawn by the processor.
    (re.compile(""), re.compile("GPU stall due to ReadPixels")),
    # Streamlit names what its frames may use, also what only other browsers know.
    (re.compile(r"/static/js/"), re.compile("Unrecognized feature: '")),
)


def why_not() -> str | None:
    """Why no browser can be driven here, in one sentence; None if one can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "The Python package playwright is not installed."
    if _chromium() is None:
        return f"No Chromium is on the path under any of these names: {', '.join(_NAMES)}."
    return None


@cache
def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def browser():
    """One Chromium and its memory, in which the front end is kept between tabs.

    A sandbox would need rights that containers do not have.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=_chromium(), chromium_sandbox=False, args=["--disable-gpu"]
        )
        context = launched.new_context(accept_downloads=True)
        context.set_default_timeout(_PATIENCE_MS)
        try:
            yield context
        finally:
            launched.close()


@dataclass
class Tab:
    """One tab on a dashboard; ``wrong`` holds what the browser complained of."""

    page: Any
    address: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        self.page.on("request", self._note_request)

    def open(self, name="", **query):
        """Open a page and wait until it is whole."""
        self.page.goto(self.link(name, **query))
        return self.settled()

    def go(self, name, **query):
        """The same without loading the front end again, as a link on a page does it.

        Where processors are busy, the page before stands there for long.
        """
        self.page.evaluate(_GO, self.link(name, **query))
        return self.titled(PAGES[name].title).settled()

    def titled(self, begin):
        """Wait until the browser's title begins with this."""
        self.page.wait_for_function(_IS_TITLED, arg=begin)
        return self

    def in_theme(self, theme):
        """The same page as somebody sees it whose system is light or dark."""
        self.page.emulate_media(color_scheme=theme)
        self.page.wait_for_function(_HAS_THEME, arg=theme)
        self.page.wait_for_timeout(200)  # then the page runs again
        return self.settled()

    def link(self, name="", **query):
        """The address of a page."""
        return f"{self.address}/{name}?{urlencode(query)}"

    def settled(self):
        """Wait until nothing on the page is about to change."""
        self.page.wait_for_function(_IS_SETTLED, polling=20)
        return self

    def main(self):
        """What is beside the sidebar."""
        return self.page.get_by_test_id("stMain")

    def shows(self, text):
        """Wait until the page shows this text."""
        self.main().get_by_text(text).first.wait_for()
        return self

    def command(self):
        """What the form of a new job would run."""
        return self.main().get_by_test_id("stCode").filter(has_text="assay ").inner_text()

    def query(self):
        """The parameters of the address, each by its last value."""
        found = parse_qs(urlsplit(self.page.url).query)
        return {name: values[-1] for name, values in found.items()}

    def redrawn(self, gesture):
        """Make a gesture that ends with a key or the mouse; seconds until the page is drawn."""
        waits = self.page.evaluate_handle(f"() => ({{ done: ({_REDRAWN})() }})")
        gesture()
        seconds = waits.evaluate("one => one.done") / 1000
        self.settled()
        return seconds

    def choose(self, label, option, exact=True):
        """Choose from a list that one opens; where not ``exact``, the first that begins so."""
        name = option if exact else re.compile(f"^{re.escape(option)}")
        return self._run_by(self._offered(label, option, name, exact).click)

    def pick(self, label, *options):
        """Add to a field that holds several, whose list stays open until one leaves it."""
        for option in options:
            self._run_by(self._offered(label, option, option).click)
            self.page.keyboard.press("Escape")
        return self.settled()

    def _offered(self, label, option, name, exact=True):
        """Open a list and write what to look for: it shows no more than a dozen at a time. A list
        closes where the page below it moves, and is then opened again."""
        field = self.main().get_by_role("combobox", name=label, exact=True)
        found = self.page.get_by_role("option", name=name, exact=exact).first
        for _ in range(_MOMENTS):
            field.click()
            field.fill(option)
            self.page.wait_for_timeout(150)
            if found.is_visible():
                break
        return found

    def fill(self, label, value):
        """Write into a field of a form."""
        field = self.main().get_by_label(label, exact=True)
        field.fill(str(value))
        return self._run_by(lambda: field.press("Enter"))

    def holds(self, label, value):
        """Wait until a field of a form holds this."""
        self.page.wait_for_function(_HOLDS, arg=[label, value])
        return self

    def follow(self, name):
        """Click a link on the page."""
        return self._run_by(self.main().get_by_role("link", name=name).click)

    def _run_by(self, gesture):
        """Make a gesture that the page answers by running, and wait until it has."""
        begun = self.page.evaluate_handle(f"() => ({{ done: ({_BEGUN})() }})")
        gesture()
        begun.evaluate("one => one.done")
        return self.settled()

    def export(self, name, kind="JSON Lines"):
        """Download a table as a person does; its rows and manifest as they lie on the disk."""
        menu = self.page.locator(f".st-key-export-{name}")
        menu.get_by_role("button").first.click()
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=kind, exact=True).click()
        data = Path(download.value.path()).read_bytes()
        self.page.keyboard.press("Escape")
        return unpacked(data)

    def cells(self, at=0):
        """The rows of a table that are in view, as a screen reader finds them."""
        shown = self.main().get_by_test_id("stDataFrame").locator("visible=true").nth(at)
        table = shown.locator("canvas table")
        for _ in range(_PATIENCE_MS // 500):
            table.locator("tbody td").first.wait_for(state="attached")
            found = table.locator("tbody tr").evaluate_all(
                "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
            )
            if found:  # drawn anew between the two, a table has no rows for a moment
                return found
            self.page.wait_for_timeout(500)
        raise AssertionError("a table without rows")

    def shows_first_row(self, cells, at=0):
        """Wait until the table's first row begins with these cells.

        A table is drawn some time after the text around it.
        """
        found = None
        for _ in range(_PATIENCE_MS // 500):
            found = self.cells(at)[0][: len(cells)]
            if found == cells:
                return self
            self.page.wait_for_timeout(500)
        raise AssertionError(f"the first row begins with {found}, not {cells}")

    def unreadable(self):
        """Text with too little contrast (`faint`) and marks of Markdown (`marks`) on the page.

        Charts take on another theme a moment later, so what is faint must stay so.
        """
        return self._lasting(_READABLE, lambda found: found["faint"])

    def misplaced(self):
        """What is cut, left out or lies on something else, each in a sentence.

        Charts take on a new width a moment later.
        """
        return self._lasting(_MISPLACED, bool)

    def _lasting(self, script, is_wrong):
        """What a script finds on the page, after some time if it finds something wrong at once."""
        found = self.page.evaluate(script)
        for _ in range(_MOMENTS):
            if not is_wrong(found):
                break
            self.page.wait_for_timeout(500)
            found = self.page.evaluate(script)
        return found

    def _note_message(self, message):
        place, said = message.location.get("url", ""), message.text
        is_known = any(where.search(place) and what.search(said) for where, what in _IGNORED)
        if message.type in ("error", "warning") and not is_known:
            self.wrong.append(f"{message.type}: {said[:300]} ({place})")

    def _note_request(self, request):
        """Nothing on a page may ask another machine."""
        at, own = urlsplit(request.url), urlsplit(self.address)
        if at.scheme in ("http", "https", "ws", "wss") and at.netloc != own.netloc:
            self.wrong.append(f"request to {at.netloc}")


@contextmanager
def tab(context, address, theme="light", width=1280, height=900, language=None):
    """One more tab of this browser, or of one that speaks another ``language`` (`de-DE`)."""
    own = context.browser.new_context(locale=language) if language else None
    page = (own or context).new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme)
    try:
        yield Tab(page, address)
    finally:
        page.close()
        if own:
            own.close()
