"""What the full store's pages show, one view after another."""

from __future__ import annotations

from assay.pages.components.page_table import PAGES

# Every page, and what it shows of the full store beyond its first view.
VIEWS = [
    *((name, {}) for name in PAGES),
    ("titration", {"audit": "sample"}),
    ("corpora", {"audit": "ranked"}),
    ("class_balance", {"by": "source"}),
    ("evidence", {"document": "7"}),
    ("map", {"document": "7", "area": "0-0.1000-0.1000-500.0-500", "beside": "top-k"}),
    ("selection", {"document": "7", "strategy": "random"}),
    ("topics", {"decompression": "sample"}),
    ("examples", {"decompression": "sample", "topic": "3"}),
    ("diff", {"a": "a-0", "b": "b"}),
    ("experiments", {"recipe": "leakage-titration"}),
    ("new_audit", {"kind": "decompress"}),
    ("new_audit", {"kind": "demo"}),
    ("overview", {"audit": "gone"}),
]
# With all strategies, which take the most room, and with commands at the ends of lines.
FULL_VIEWS = [
    *((name, {"audit": "ranked"}) for name in ("overview", "transport", "class_balance")),
    ("compare", {"audits": "sample,ranked"}),
    ("compare", {"audits": "titrated,again"}),
    ("titration", {"audit": "again"}),
]


def each_view(tab, views=VIEWS):
    """The page and query of each view, once the tab is there."""
    tab.open("about")
    for name, query in views:
        about = {"audit": "titrated", **query} if PAGES[name].needs_audit else query
        tab.go(name, **about)
        yield name, query
