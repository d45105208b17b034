"""The dashboard as a real server, asked over its real protocol."""

from __future__ import annotations

import signal
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import psutil
import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.server import Server
from support.titration_audit import write_sample_titration

from assay.cache.audits.writer import AuditBuilder
from assay.cache.jobs import JobTable
from assay.cache.store import Store
from assay.pages.components.page_table import PAGES


@pytest.fixture
def server_for():
    servers = []

    def start(home, **environment):
        servers.append(Server(home, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


LINKS = [
    ("", "", "Audits"),
    ("audits", "", "Sample audit"),
    ("overview", "audit=sample", "Student accuracy"),
    ("assessability", "audit=sample", "Change of each tensor"),
    ("selection", "audit=sample&strategy=random&search=market", "Search texts"),
    ("map", "audit=sample&beside=top-k&colour=gain", "placed by meaning"),
    ("transport", "audit=sample&distance=Vocabulary%20containment", "smaller vocabulary"),
    ("class_balance", "audit=sample&by=source", "central 95%"),
    ("membership", "audit=sample", "cannot evaluate rankings"),
    ("vocabulary", "audit=sample", "Vocabulary"),
    ("titration", "audit=sample&share=20&strategy=random", "contains no gradients"),
    ("evidence", "audit=sample&document=7", "Membership rankings"),
    ("corpora", "audit=sample", "does not rank corpora"),
    ("report", "audit=sample", "assay report sample"),
    ("present", "audit=sample", "assay present sample"),
    ("compare", "audits=sample", "takes two or more"),
    ("about", "", "What an audit can show"),
    ("suspects", "", "assay suspect"),
    ("experiments", "recipe=ot-sensitivity", "assay experiment ot-sensitivity"),
    ("search", "q=market", "market"),
    ("jobs", "", "their own processes"),
    ("new_audit", "kind=titrate", "Kind of job"),
    ("topics", "decompression=sample&colour=depth", "violin making"),
    ("examples", "decompression=sample&topic=1", "Prompt and raw output"),
    ("diff", "", "assay diff A B"),
    ("echo", "", "assay echo"),
]


def test_every_page_has_a_link_here():
    """No page is left out below."""
    assert {page for page, _, _ in LINKS} - {""} >= set(PAGES)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A server that has been asked before, with an audit and a decompression."""
    store = Store(tmp_path_factory.mktemp("running"))
    write_sample_audit(store)
    write_sample_decompression(store)
    server = Server(store.root)
    is_shown(server.messages(*LINKS[0][:2]), *LINKS[0])
    yield server
    server.close()


@pytest.fixture(scope="module")
def visited(running):
    """What one visit to a link was sent: ``visited(page, query)``."""
    return cache(running.messages)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers started at the same moment, the first with an audit, the second without."""
    full, empty = (Store(tmp_path_factory.mktemp(name)) for name in ("full", "empty"))
    write_sample_audit(full)
    with ThreadPoolExecutor(2) as pool:
        servers = list(pool.map(Server, [full.root, empty.root]))
    yield servers
    for server in servers:
        server.close()


def loaded(server):
    """The compiled files in the memory of the process that shows pages."""
    (child,) = psutil.Process(server.process.pid).children()
    return {part.path for part in child.memory_maps()}


def is_shown(messages, page, query, expected):
    shown = "\n".join(str(message.delta) for message in messages)
    assert expected in shown
    assert "exception" not in shown.lower()
    assert not any(message.HasField("page_not_found") for message in messages)
    titles = [m.page_config_changed.title for m in messages if m.HasField("page_config_changed")]
    entry = PAGES.get(page, PAGES["audits"])
    about = ["Sample audit"] if entry.needs_audit else []
    assert titles[-1] == " · ".join([entry.title, *about, "Assay"])


@pytest.mark.parametrize(("page", "query", "expected"), LINKS)
def test_a_deep_link_works(visited, page, query, expected):
    """The first request of a visit may be for any page, and gets that page; the browser's title
    names page and audit."""
    is_shown(visited(page, query), page, query, expected)


def test_the_server_loads_no_model_library(running, visited):
    """After every page has run, torch and its relatives are still not in the server's memory; what
    pages do use is."""
    for page, query, _ in LINKS:
        visited(page, query)
    path = write_sample_titration(Store(running.home))
    assert "Sample titration" in running.visit("titration", "audit=titrated")
    path.unlink()
    packages = {part for path in loaded(running) for part in Path(path).parts}
    # Compiled parts of what torch, umap and transformers load with them.
    assert packages & {"torch", "numba", "regex"} == set()
    assert packages >= {"numpy", "pandas"}


@pytest.mark.parametrize(
    ("page", "query", "expected"), [link for link in LINKS if link[0] in ("map", "topics")]
)
def test_a_deep_link_works_on_a_fresh_server(server_for, page, query, expected):
    """The very first request to a new server may be for a page of any kind, and gets that page;
    what ``running`` is asked first is none."""
    store = Store.default()
    write_sample_audit(store)
    write_sample_decompression(store)
    is_shown(server_for(store.root).messages(page, query), page, query, expected)


def test_jobs_refreshes_itself_so_that_it_notices_new_jobs(running):
    """Jobs asks to be run again every two seconds, with a job and without; a page that shows what
    does not change does not."""
    table = JobTable(Store(running.home))
    for _ in range(2):
        asked = [
            m.auto_rerun.interval for m in running.messages("jobs") if m.HasField("auto_rerun")
        ]
        assert asked == [2]
        table.submit(["audit", "--title", "two words"], "waiting")
    assert "waiting" in running.visit("jobs")
    assert not any(m.HasField("auto_rerun") for m in running.messages("about"))


def test_the_command_finds_its_server_past_a_proxy_and_ends_with_it(server_for):
    """Where the environment names a proxy, the server is still found and its address printed. Told
    to terminate, the command takes its server process along and succeeds."""
    server = server_for(Store.default().root, http_proxy="http://127.0.0.1:9", no_proxy="")
    assert server.address.startswith("http://127.0.0.1:")
    (child,) = psutil.Process(server.process.pid).children()
    server.close(signal.SIGTERM)
    assert server.process.returncode == 0
    assert not child.is_running()


def test_the_server_is_for_this_machine_alone(running):
    """It listens on 127.0.0.1 only, answers its health check, and knows no other page."""
    assert any(message.HasField("page_not_found") for message in running.messages("nowhere"))
    with urllib.request.urlopen(running.address + "/_stcore/health", timeout=5) as answer:
        assert answer.status == 200
    child = psutil.Process(running.process.pid).children()[0]
    listening = [c.laddr.ip for c in child.net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening
    assert set(listening) == {"127.0.0.1"}


def test_tables_leave_by_our_exports_alone(running):
    """Browsers are told to offer no download and no copying of tables, which would hand document
    text to a spreadsheet as formulas."""
    messages = running.messages("about")
    (session,) = [m.new_session for m in messages if m.HasField("new_session")]
    assert session.config.disable_data_export


def test_pages_read_while_another_process_writes(running):
    """While a worker holds an audit it builds, pages show the finished ones and no lock error."""
    builder = AuditBuilder(Store(running.home), "unfinished")
    with builder.stage("documents"):
        builder.put_meta("title", "half done")
        for page in ("audits", "overview", "selection"):
            shown = running.visit(page)
            assert "Sample audit" in shown
            assert "lock" not in shown.replace("Clock", "").replace("block", "").lower()
            assert "half done" not in shown
    builder.close()


def test_a_new_audit_appears_without_a_restart(pair):
    """An audit sealed while the server runs is there at the next visit, a deleted one gone."""
    _, server = pair
    assert "assay demo" in server.visit("audits")
    path = write_sample_audit(Store(server.home))
    try:
        assert "Sample audit" in server.visit("audits")
    finally:
        path.unlink()
    assert "assay demo" in server.visit("audits")


def test_dashboards_started_at_once_are_told_apart(pair):
    """Two servers started at the same moment get ports of their own and show their own stores."""
    assert len({server.address for server in pair}) == 2
    shown = [server.visit("audits") for server in pair]
    assert ["Sample audit" in text for text in shown] == [True, False]


def test_results_are_shown_without_loading_statistics(pair):
    """The first pages need no scipy.stats, which takes a second to load; a page that computes a
    band loads it (the control)."""
    server, _ = pair
    assert "Student accuracy" in server.visit("overview", "audit=sample")
    assert not any("/scipy/stats/" in path for path in loaded(server))
    server.visit("class_balance", "audit=sample")
    assert any("/scipy/stats/" in path for path in loaded(server))
