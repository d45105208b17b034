"""Starting the dashboard's server process."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cache.home import Store
from core.errors import InputError

_HOST = "127.0.0.1"
_FIRST_PORT = 8501
_STARTUP_S = 60
_ROOT = Path(__file__).resolve().parents[1]


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
    chosen = port or next(p for p in range(_FIRST_PORT, _FIRST_PORT + 1000) if _is_free(p))
    previous = signal.signal(signal.SIGTERM, _interrupt)
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(_ROOT / "app.py"),
            "--server.port",
            str(chosen),
            "--server.headless",
            "true",
        ],
        cwd=_ROOT,
        env={**os.environ, "ASSAY_HOME": str(store.root)},
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        if _answers(server, chosen):
            print(f"Assay is at http://{_HOST}:{chosen}", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()
        signal.signal(signal.SIGTERM, previous)


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
        # Not urllib, which would ask a proxy for this machine's own address.
        connection = http.client.HTTPConnection(_HOST, port, timeout=1)
        try:
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    return False
