"""One browser and one dashboard for all tests here, each of which has a tab of its own."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from support.browser import browser, tab, why_not
from support.full_store import fill
from support.half_vocabulary import half_vocabulary
from support.job_inputs import save_job_inputs
from support.server import Server

from assay.cache.store import Store


@pytest.fixture(scope="session")
def chromium():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with browser() as launched:
        yield launched


@pytest.fixture(scope="session")
def dashboard(chromium, tmp_path_factory):
    """A dashboard whose store has something for every page; ``folder``: what jobs may read, with
    ``pair``, a tiny model fine-tuned on half of its words, and what other kinds of job need. The
    form's lists are kept for 20 s, so all of it is there before the server.
    """
    folder = tmp_path_factory.mktemp("browser")
    store = Store(folder / "home")
    fill(store)
    pair = half_vocabulary(folder)
    save_job_inputs(folder)
    server = Server(store.root, "--roots", str(folder))
    yield SimpleNamespace(address=server.address, store=store, folder=folder, pair=pair)
    server.close()


@pytest.fixture(scope="session")
def read_only(dashboard):
    """A second dashboard on the same store that may only read."""
    server = Server(dashboard.store.root, "--read-only")
    yield SimpleNamespace(address=server.address, store=dashboard.store)
    server.close()


@pytest.fixture(scope="session")
def empty(chromium, tmp_path_factory):
    """A dashboard on a store without anything."""
    server = Server(tmp_path_factory.mktemp("empty") / "home")
    yield SimpleNamespace(address=server.address)
    server.close()


@pytest.fixture
def visit(chromium):
    """Opens tabs: visit(address, theme="dark"). After the test none may have complained."""
    with ExitStack() as held:
        tabs = []

        def start(address, **how):
            tabs.append(held.enter_context(tab(chromium, address, **how)))
            return tabs[-1]

        yield start
        assert [one for opened in tabs for one in opened.wrong] == []


@pytest.fixture
def assay_tab(visit, dashboard):
    """A tab on the full store."""
    return visit(dashboard.address)
