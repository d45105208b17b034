"""Starting the dashboard's server process."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from assay.cache.store import Store
from assay.core.errors import InputError

_HOST = "127.0.0.1"
_PORTS = range(8501, 9501)
_STARTUP_S = 60
_N_TRIES = 5
# A live selection is many small products: with more threads, which wait for each other as soon as
# anything else runs, it takes two to six times as long.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_ROOT = Path(__file__).resolve().parents[2]


def serve(store: Store, port: int | None = None) -> int:
    """Run the dashboard until interrupted; prints its address once it answers.

    Returns the server's exit status. InputError if ``port`` is taken.
    """
    if port is not None and not _is_free(port):
        raise InputError(
            "a free port",
            f"{port}, which another program uses",
            "name another with --port or leave it out",
        )
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        # Another program may take a port between our look and the server's start: try the next.
        for candidate in [port] if port else islice(filter(_is_free, _PORTS), _N_TRIES):
            with _server(store, candidate) as server:
                if _answers(server, candidate):
                    print(f"Assay is at http://{_HOST}:{candidate}", flush=True)
                    return server.wait()
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _server(store: Store, port: int) -> Iterator[subprocess.Popen]:
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(_ROOT / "app.py"),
            "--server.port",
            str(port),
            "--server.headless",
            "true",
        ],
        cwd=_ROOT,
        env={**_ONE_THREAD, **os.environ, "ASSAY_HOME": str(store.root)},
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield server
    finally:
        server.terminate()
        server.wait()


def _interrupt(signal_number: int, frame: Any) -> None:
    # Being asked to end must not leave the server behind.
    raise KeyboardInterrupt


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _answers(server: subprocess.Popen, port: int) -> bool:
    give_up_at = time.monotonic() + _STARTUP_S
    while server.poll() is None and time.monotonic() < give_up_at:
        if _is_listening(server, port) and _is_healthy(port):
            return True
        time.sleep(0.2)
    return False


def _is_listening(server: subprocess.Popen, port: int) -> bool:
    # An answer on the port proves little: it may be another dashboard's, started with ours.
    try:
        connections = psutil.Process(server.pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def _is_healthy(port: int) -> bool:
    # Not urllib, which would ask a proxy for this machine's own address.
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
