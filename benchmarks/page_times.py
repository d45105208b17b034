"""How long pages take with an audit of 100,000 documents."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from measuring import Measured, seconds
from streamlit.testing.v1 import AppTest

from assay.cache.search import search_store
from assay.cache.store import Store

_ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT / "tests"))

_PAGES = (
    "audits",
    "overview",
    "vocabulary",
    "membership",
    "evidence",
    "selection",
    "class_balance",
    "transport",
    "map",
    "report",
)
_N_DOCUMENTS = 100_000
# So that every text is read.
_NOWHERE = "zebra crossing"


def page_times() -> Iterator[Measured]:
    """The script of each page, as a fresh server runs it first and then again."""
    from support.audit_file import write_sample_audit

    with tempfile.TemporaryDirectory() as folder:
        os.environ["ASSAY_HOME"] = folder
        store = Store(Path(folder))
        write_sample_audit(store, "large", n_documents=_N_DOCUMENTS, budget=500)
        first, again = (seconds(partial(search_store, store, _NOWHERE)) for _ in range(2))
        yield Measured(
            f"Search for words that none of {_N_DOCUMENTS:,} documents has, first and again",
            f"{first:.2f} s, {again:.2f} s",
            "below 2 s",
        )
        for page in _PAGES:
            app = AppTest.from_file(str(_ROOT / "app.py"), default_timeout=300)
            app.query_params["audit"] = "large"
            app.switch_page(f"pages/{page}.py")
            first = seconds(app.run)
            if app.exception:
                raise RuntimeError(f"{page}: {app.exception[0].value}")
            again = seconds(app.run)
            yield Measured(
                f"Page {page} of an audit of {_N_DOCUMENTS:,} documents, first and again",
                f"{first:.2f} s, {again:.2f} s",
                "below 2 s",
            )
