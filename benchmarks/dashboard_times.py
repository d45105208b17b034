"""How long somebody waits for the dashboard in Chromium: `make bench-dashboard`.

Prints the least of several tries: whatever else the machine does can only add to them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from support.browser import Tab, browser, tab, why_not
from support.server import Server
from support.titration_audit import write_sample_titration

from assay.cache.store import Store

N_TRIES = 5
N_DOCUMENTS = 10_000
# Milliseconds after the page was asked for, by the browser's own clock.
_FIRST_TITLE = """() => new Promise(found => {
  const look = () => document.querySelector('[data-testid=stMain] h1')
    ? found(performance.now()) : requestAnimationFrame(look)
  look()
})"""
# Milliseconds from the key that moves the slider until the page has run and is drawn anew.
_REDRAWN = """() => new Promise((found, failed) => {
  const app = document.querySelector('[data-testid=stApp]')
  let begin, hasRun = false
  addEventListener('keydown', () => { begin = performance.now() }, { capture: true, once: true })
  new MutationObserver((_, self) => {
    const isRunning = app.dataset.testScriptState !== 'notRunning'
    hasRun ||= isRunning
    if (!begin || !hasRun || isRunning) return
    self.disconnect()
    requestAnimationFrame(() => found(performance.now() - begin))
  }).observe(app, { attributeFilter: ['data-test-script-state'] })
  setTimeout(() => failed(new Error('the page did not run within 30 s')), 30000)
})"""


def fresh(store: Store, page: str, query: dict[str, str], launched) -> tuple[float, float]:
    """Seconds until a new server's first visitor sees the title, and the whole page."""
    server = Server(store.root)
    try:
        with tab(launched, server.address) as one:
            one.page.goto(one.link(page, **query), wait_until="commit")
            title = one.page.evaluate(_FIRST_TITLE)
            one.settled()
            return title / 1000, one.page.evaluate("() => performance.now()") / 1000
    finally:
        server.close()


def redrawn(one: Tab, n_times: int) -> list[float]:
    """Seconds from each step of the slider until the page is drawn."""
    slider = one.page.get_by_role("slider").first
    slider.focus()
    found = []
    for _ in range(n_times):
        waits = one.page.evaluate_handle(f"() => ({{ done: ({_REDRAWN})() }})")
        slider.press("ArrowRight")
        found.append(waits.evaluate("one => one.done") / 1000)
        one.settled()
    return found


def main() -> None:
    if reason := why_not():
        raise SystemExit(reason)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=N_TRIES)
    n_tries = parser.parse_args().tries
    with tempfile.TemporaryDirectory() as folder, browser() as launched:
        store = Store(Path(folder) / "home")
        write_sample_titration(store, "large", grid=None, n_documents=N_DOCUMENTS)
        for page, query in (("audits", {}), ("overview", {"audit": "large"})):
            tries = np.array([fresh(store, page, query, launched) for _ in range(n_tries)])
            title, whole = tries.min(axis=0)
            print(f"{page} of a fresh server: title {title:.2f} s, whole {whole:.2f} s", flush=True)
        server = Server(store.root)
        try:
            with tab(launched, server.address) as one:
                one.open("titration", audit="large", budget="500")
                steps = redrawn(one, 2 * n_tries)
        finally:
            server.close()
        print(f"slider to redraw, {N_DOCUMENTS:,} documents: {min(steps):.2f} s")


if __name__ == "__main__":
    main()
