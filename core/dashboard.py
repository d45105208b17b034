"""Starting the dashboard's server process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

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
        server.terminate()
        server.wait()
        return 0


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
        try:
            with urllib.request.urlopen(f"http://{_HOST}:{port}/_stcore/health", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False
