"""Starting the dashboard's server process."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from assay.cache.store import READ_ONLY_VARIABLE, Store
from assay.core.errors import InputError
from assay.core.runtime.access_token import TOKEN_VARIABLE, cookie
from assay.core.runtime.allowed_roots import ROOTS_VARIABLE

_HOST = "127.0.0.1"
_PORTS = range(8501, 9501)
_STARTUP_S = 60
_N_TRIES = 5
# A live selection is many small products: with more threads, which wait for each other as soon as
# anything else runs, it takes two to six times as long.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Serving:
    """How a dashboard is served.

    ``token``, if given, is required of every browser; ``page`` is where the printed address leads.
    """

    port: int | None = None
    token: str | None = None
    page: str = ""
    # What jobs started in the browser may read, besides the store.
    roots: tuple[Path, ...] = ()


def serve(store: Store, how: Serving = Serving()) -> int:
    """Run the dashboard until interrupted; prints its address as soon as it answers.

    Returns the server's exit status. InputError if the port is taken.
    """
    if how.port is not None and not _is_free(how.port):
        raise InputError(
            "a free port",
            f"{how.port}, which another program uses",
            "choose another --port, or remove the option",
        )
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        # Another program may take a port between our check and the server's start: try the next
        # one.
        for candidate in [how.port] if how.port else islice(filter(_is_free, _PORTS), _N_TRIES):
            with _log_folder(store) as logs, _server(store, candidate, how, logs) as server:
                if _answers(server, candidate, how.token):
                    print(f"Assay is at {_address(candidate, how)}", flush=True)
                    return server.wait()
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, previous)


def _address(port: int, how: Serving) -> str:
    page, _, query = how.page.partition("?")
    parameters = [query] if query else []
    if how.token:
        parameters.append(f"token={how.token}")
    address = f"http://{_HOST}:{port}" + (f"/{page}" if page or parameters else "")
    return address + (f"?{'&'.join(parameters)}" if parameters else "")


@contextmanager
def _log_folder(store: Store) -> Iterator[Path]:
    """The folder for the server's log: the store's, or a new one if that is not writable."""
    if not store.is_for_reading:
        yield store.logs
        return
    folder = Path(tempfile.mkdtemp(prefix="assay-log-"))
    try:
        yield folder
    finally:
        # A log that says something is kept, because a page named it.
        if not any(log.stat().st_size for log in folder.iterdir()):
            shutil.rmtree(folder)


@contextmanager
def _server(store: Store, port: int, how: Serving, logs: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**_ONE_THREAD, **os.environ, "ASSAY_HOME": str(store.root)}
    environment.pop(TOKEN_VARIABLE, None)
    if how.token:
        environment[TOKEN_VARIABLE] = how.token
    # The server itself runs elsewhere, so the working folder must be named.
    environment[ROOTS_VARIABLE] = os.pathsep.join(map(str, how.roots or (Path.cwd(),)))
    if store.is_for_reading:
        environment[READ_ONLY_VARIABLE] = "1"
    server = subprocess.Popen(
        [sys.executable, "-m", "assay.pages.server", str(port), str(logs / "dashboard.log")],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield server
    finally:
        server.terminate()
        server.wait()


def _interrupt(signal_number: int, frame: Any) -> None:
    # A termination signal must not leave the server running.
    raise KeyboardInterrupt


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _answers(server: subprocess.Popen[bytes], port: int, token: str | None) -> bool:
    give_up_at = time.monotonic() + _STARTUP_S
    while server.poll() is None and time.monotonic() < give_up_at:
        if _is_listening(server, port) and _is_healthy(port, token):
            return True
        time.sleep(0.2)
    return False


def _is_listening(server: subprocess.Popen[bytes], port: int) -> bool:
    # An answer on the port proves little: it may come from another dashboard, started at the same
    # time.
    try:
        connections = psutil.Process(server.pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def _is_healthy(port: int, token: str | None) -> bool:
    # Not urllib, which would send a request for this machine's own address to a proxy.
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        proof = {"Cookie": "=".join(cookie(token, port))} if token else {}
        connection.request("GET", "/_stcore/health", headers=proof)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
