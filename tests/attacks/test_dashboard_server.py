"""The dashboard's server from outside: who may ask, for what, and what a failure says."""

from __future__ import annotations

import http.client
import re
import resource
import shutil
import socket
import stat
from http import HTTPStatus
from urllib.parse import urlsplit

import duckdb
import psutil
import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.experiment_file import write_sample_experiment
from support.server import Server
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from assay.cache.jobs import JobTable
from assay.cache.store import Store

ADDRESSES = (
    "/",
    "/overview",
    "/_stcore/health",
    "/_stcore/metrics",
    "/_stcore/host-config",
    "/static/index.html",
)
TOKEN = "a-token-of-24-characters"


@pytest.fixture
def store():
    store = Store.default()
    write_sample_audit(store)
    return store


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A server without options, whose store has an audit."""
    store = Store(tmp_path_factory.mktemp("plain"))
    write_sample_audit(store)
    server = Server(store.root)
    yield server
    server.close()


@pytest.fixture(scope="module")
def read_only(tmp_path_factory):
    """A server that may only read its store: an audit, a decompression, an experiment and a job
    that waits."""
    store = Store(tmp_path_factory.mktemp("read-only"))
    write_sample_audit(store)
    write_sample_experiment(store, "main-sft")
    write_sample_decompression(store)
    table = JobTable(store)
    table.request_cancel(table.submit(["audit", "--title", "words"], "A job"))
    store.logs.rmdir()
    server = Server(store.root, "--read-only")
    yield server
    server.close()


@pytest.fixture
def server_for():
    servers = []

    def start(home, *options, **environment):
        servers.append(Server(home, *options, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def asked(server, path="/", method="GET", **headers):
    where = urlsplit(server.address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def opens_a_page(server, **headers):
    where = urlsplit(server.address)
    address = f"ws://{where.netloc}/_stcore/stream"
    try:
        with connect(address, subprotocols=["streamlit"], additional_headers=headers):
            return True
    except InvalidStatus:
        return False


def test_other_names_of_this_machine_are_refused(plain):
    """With a Host that is not this machine's nothing is answered: no page, no figure of the
    server's, no connection (DNS rebinding)."""
    for path in ADDRESSES:
        assert asked(plain, path, Host="evil.example").status == HTTPStatus.BAD_REQUEST, path
        assert asked(plain, path).status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND), path
    where = urlsplit(plain.address)
    with (
        pytest.raises(InvalidStatus),
        connect(
            f"ws://evil.example:{where.port}/_stcore/stream",
            subprotocols=["streamlit"],
            sock=socket.create_connection((where.hostname, where.port)),
        ),
    ):
        pass
    assert opens_a_page(plain)


def test_nothing_is_uploaded_to_be_read_and_no_page_is_framed(read_only):
    """Every method but reading is refused by a read-only server, and every answer forbids
    frames."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/", "/_stcore/upload_file/a/b"):
            refused = asked(read_only, path, method)
            assert refused.status == HTTPStatus.METHOD_NOT_ALLOWED
    for path in ADDRESSES:
        answer = asked(read_only, path)
        assert answer.getheader("X-Frame-Options") == "DENY"
        assert "frame-ancestors 'none'" in answer.getheader("Content-Security-Policy")
        assert answer.getheader("Referrer-Policy") == "no-referrer"


def test_a_token_is_asked_of_every_request(store, server_for):
    """Without the token nothing is answered; the printed address sets a cookie, and leads to the
    page without the secret in it."""
    server = server_for(store.root, "--token", ASSAY_TOKEN=TOKEN)
    printed, server.address = server.address, server.address.split("/?")[0]
    assert printed.endswith(f"/?token={TOKEN}")
    for path in ADDRESSES:
        assert asked(server, path).status == HTTPStatus.UNAUTHORIZED, path
        assert asked(server, f"{path}?token=wrong").status == HTTPStatus.UNAUTHORIZED
        assert asked(server, path, Cookie="assay=1").status == HTTPStatus.UNAUTHORIZED
    assert not opens_a_page(server)
    entered = asked(server, f"/overview?audit=sample&token={TOKEN}")
    assert entered.status == HTTPStatus.SEE_OTHER
    assert entered.getheader("Location") == "/overview?audit=sample"
    set_cookie = entered.getheader("Set-Cookie")
    assert "HttpOnly" in set_cookie
    assert TOKEN not in set_cookie
    cookie = set_cookie.split(";")[0]
    assert asked(server, "/", Cookie=cookie).status == HTTPStatus.OK
    assert opens_a_page(server, Cookie=cookie)
    assert asked(server, f"//evil.example/?token={TOKEN}").status != HTTPStatus.OK


def test_a_made_token_is_new_each_time(store, server_for):
    """Without a token of the user's own one is made, long enough not to be guessed."""
    tokens = {server_for(store.root, "--token").address.split("token=")[1] for _ in range(2)}
    assert len(tokens) == 2
    assert all(len(token) >= 32 for token in tokens)


def test_a_token_that_could_be_guessed_is_refused(store, assay, monkeypatch):
    """A short secret in the variable is bad input, before anything is served."""
    monkeypatch.setenv("ASSAY_TOKEN", "short")
    assert assay("dashboard", "--token").status == 2


def contents(home):
    """Every folder below, and every file with its bytes but what SQLite keeps beside it."""
    return {
        path: path.is_dir() or path.read_bytes()
        for path in home.rglob("*")
        if not path.name.endswith(("-shm", "-wal"))
    }


def test_a_read_only_dashboard_changes_nothing(read_only, plain):
    """With --read-only no button deletes, cancels or decides, and no byte of the store changes."""
    before = contents(read_only.home)
    for page in (
        *("audits", "overview", "jobs", "topics", "examples", "suspects", "diff", "report"),
        *("experiments", "compare", "present", "vocabulary"),
    ):
        shown = read_only.visit(page, "audit=sample&decompression=sample")
        for label in ('"Delete', '"Cancel"', '"Resume"', '"Remove"', '"Accept"'):
            assert label not in shown, (page, label)
    assert "A job" in read_only.visit("jobs")
    assert not (read_only.home / "logs").exists()
    assert contents(read_only.home) == before
    assert '"Delete' in plain.visit("audits")


def test_a_page_that_fails_names_its_log(plain):
    """A failure that nobody foresaw is one sentence on the page, and its traceback in the file
    that the sentence names, which nobody else may read."""
    store = Store(plain.home)
    path = store.audits / "odd.duckdb"
    shutil.copy(store.audits / "sample.duckdb", path)
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        # A label that has no name.
        connection.execute("UPDATE scores SET pseudolabel = 77")
    shown = plain.visit("class_balance", "audit=odd")
    path.unlink()
    reference = re.search(r"under ([0-9a-f]{8})", shown.replace("\\", "")).group(1)
    log = store.logs / "dashboard.log"
    text = log.read_text()
    assert reference in text
    assert "Traceback" in text
    assert "Traceback" not in shown
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.slow
def test_visits_give_back_what_they_open(store, server_for):
    """Fifty visits to a server that may open 128 files: each is shown, few stay open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = server_for(store.root)
    (child,) = psutil.Process(server.process.pid).children()
    resource.prlimit(child.pid, resource.RLIMIT_NOFILE, (128, 128))
    for _ in range(50):
        assert "What an audit can show" in server.visit("about")
    assert child.num_fds() < 90
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
