"""Serve the dashboard: ``python -m pages.server PORT LOG``, as `assay dashboard` starts it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from assay.cache.store import Store
from assay.core.runtime.access_token import TOKEN_VARIABLE
from assay.pages.server.errors import logging_to
from assay.pages.server.guard import Guard
from assay.pages.server.sessions import allow_many_files, keep_few_sessions

# The first brings the store; the second statistics, without which no finding is read.
_NEEDED_BY_PAGES = (
    "assay.pages.components.navigation",
    "assay.pages.components.audit.reads",
    "assay.pages.components.audit.overview",
)
_SCRIPT = Path(__file__).resolve().parents[2] / "app.py"


def main(port: int, log: Path) -> None:
    """Run until interrupted."""
    allow_many_files()
    hosts = list(st.get_option("server.allowedHosts"))
    app = st.App(
        _SCRIPT,
        lifespan=_lifespan,
        middleware=[
            # Streamlit itself checks the name only when a page opens its connection.
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(
                Guard,
                token=os.environ.pop(TOKEN_VARIABLE, None),
                takes_uploads=not Store.default().is_for_reading,
            ),
        ],
        on_script_error=logging_to(log),
    )
    app.run(config={"server.port": port, "server.headless": True})


@asynccontextmanager
async def _lifespan(app: st.App) -> AsyncIterator[None]:
    keep_few_sessions()
    Thread(target=_load_ahead, daemon=True).start()
    yield


def _load_ahead() -> None:
    """Load what pages need while the first visitor's browser still loads the front end."""
    for module in _NEEDED_BY_PAGES:
        import_module(module)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
