"""Photographs every page of a store in Chromium: `make screenshots`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from support.browser import browser, tab, why_not
from support.server import Server

from assay.cache.audits.read import list_audits
from assay.cache.store import Store
from assay.pages.components.page_table import PAGES

THEMES, WIDTHS = ("light", "dark"), (1280, 1920)
# Streamlit scrolls inside its own frame, so the window is made as high as the page.
_HEIGHT_OF_PAGE = """() => {
  const parts = '[data-testid=stMainBlockContainer], [data-testid=stSidebarUserContent]'
  return Math.max(...[...document.querySelectorAll(parts)].map(one => one.scrollHeight))
}"""
_LOWEST = 800


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, help="default: the one that the dashboard shows")
    parser.add_argument("--audit", help="default: the newest")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=THEMES)
    parser.add_argument("--widths", nargs="+", type=int, default=WIDTHS)
    parser.add_argument("--height", type=int, default=4000, help="cut off what is below")
    return parser.parse_args()


def main(asked: argparse.Namespace) -> str | None:
    """Write the pictures; why not, in one sentence, if that is not possible."""
    if reason := why_not():
        return reason
    store = Store(asked.store) if asked.store else Store.default()
    audits = [one.audit_id for one in list_audits(store) if one.problem is None]
    audit = asked.audit or next(iter(audits), None)
    if asked.audit and audit not in audits:
        return f"{store.root} has no audit {audit}."
    asked.out.mkdir(parents=True, exist_ok=True)
    server = Server(store.root, "--read-only")
    try:
        with browser() as launched:
            for theme in asked.themes:
                for width in asked.widths:
                    with tab(launched, server.address, theme, width, _LOWEST) as one:
                        for name in asked.pages:
                            about = {"audit": audit} if audit and PAGES[name].needs_audit else {}
                            one.open(name, **about)
                            file = asked.out / f"{name}-{theme}-{width}.png"
                            file.write_bytes(photographed(one, width, asked.height))
                            print(f"{file}  {file.stat().st_size / 1000:.0f} KB")
    finally:
        server.close()
    return None


def photographed(one, width: int, highest: int) -> bytes:
    """The whole page as a PNG. With few colours its grounds would have tints that no page has."""
    height = min(max(one.page.evaluate(_HEIGHT_OF_PAGE), _LOWEST), highest)
    one.page.set_viewport_size({"width": width, "height": height})
    one.settled().page.wait_for_timeout(1_000)  # charts grow into their places
    picture = one.page.screenshot(animations="disabled")
    one.page.set_viewport_size({"width": width, "height": _LOWEST})
    return picture


if __name__ == "__main__":
    sys.exit(main(arguments()))
