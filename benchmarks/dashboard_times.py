"""How long somebody waits for the dashboard in Chromium: `make bench-dashboard`.

Prints the least of several tries: whatever else the machine does can only add to them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from support.audit_file import WORDS, write_sample_audit
from support.browser import Tab, browser, tab, why_not
from support.map_canvas import Canvas
from support.server import Server
from support.titration_audit import write_sample_titration

from assay.cache.audits.comparison import read_selected_places
from assay.cache.store import Store
from assay.core.specs.strategies import Strategy

N_TRIES = 5
N_DOCUMENTS = 10_000
N_ON_MAP = 100_000
# Milliseconds after the page was asked for, by the browser's own clock.
_FIRST_TITLE = """() => new Promise(found => {
  const look = () => document.querySelector('[data-testid=stMain] h1')
    ? found(performance.now()) : requestAnimationFrame(look)
  look()
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
    return [one.redrawn(lambda: slider.press("ArrowRight")) for _ in range(n_times)]


def on_map(one: Tab, path: Path, n_times: int) -> dict[str, list[float]]:
    """Seconds from each gesture on a map until the page is drawn."""
    canvas = Canvas(one, path)
    number = int(read_selected_places(path, Strategy.SELECT, 1)["document_id"].iloc[0])
    box = one.main().get_by_label("Search texts")

    def search(word: str) -> None:
        box.fill(word)
        box.press("Enter")

    found: dict[str, list[float]] = {"click": [], "lasso": [], "search": [], "search for all": []}
    for at in range(n_times):
        found["click"].append(one.redrawn(lambda: canvas.click(number)))
        right = 0.6 + 0.01 * at
        corners = [(0.3, 0.3), (right, 0.25), (0.7, 0.6), (0.4, 0.7)]
        found["lasso"].append(one.redrawn(lambda corners=corners: canvas.draw_around(corners)))
        found["search"].append(one.redrawn(lambda at=at: search(WORDS[at])))
        found["search for all"].append(one.redrawn(lambda: search("")))
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
        print(f"slider to redraw, {N_DOCUMENTS:,} documents: {min(steps):.2f} s", flush=True)
        path = write_sample_audit(store, "map", n_documents=N_ON_MAP, budget=2_000)
        server = Server(store.root)
        try:
            with tab(launched, server.address) as one:
                found = on_map(one.open("map", audit="map", strategy="SELECT"), path, n_tries)
        finally:
            server.close()
        for gesture, seconds in found.items():
            low, high = min(seconds), max(seconds)
            print(f"map of {N_ON_MAP:,} documents, {gesture}: {low:.2f} to {high:.2f} s")


if __name__ == "__main__":
    main()
