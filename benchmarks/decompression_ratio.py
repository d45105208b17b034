"""A decompression's client beside a bare client of the same server."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

from measuring import Measured, ratio

from assay.cache.decompressions.journal import Journal
from assay.cache.store import Store
from assay.core.decompress.backends.find import find_model
from assay.core.decompress.backends.openai_format import grouped, request
from assay.core.decompress.backends.openai_server import ServerBackend
from assay.core.decompress.budget import Budget
from assay.core.decompress.client import ModelClient
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.model_calls import Call, Sampling

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

# As long as a small model takes for a short answer.
_SECONDS_AN_ANSWER = 0.25
_N_CALLS, _N_AT_ONCE, _N_IN_FLIGHT = 1_500, 4, 24


def decompression_ratio() -> Iterator[Measured]:
    """1,500 calls to a server that answers each request after a quarter of a second."""
    from support.scripted_server import Scripted

    server = Scripted(delay_s=_SECONDS_AN_ANSWER)
    number = [0]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        found = find_model(server.address, None, store.models)
        backend = ServerBackend(server.address, found.identity, most_in_flight=_N_IN_FLIGHT)
        with Journal(store, found.identity.answers_sha256, "benchmark") as journal:
            client = ModelClient(backend, journal, SilentProgress(), Budget(10**9, None))

            def calls() -> list[Call]:
                number[0] += 1
                call = Call("lists", f"question {number[0]}", Sampling(32), 1000 * number[0])
                return call.samples(_N_CALLS)

            def ours() -> None:
                client.ask(calls())

            ours()  # until as many are in flight as may be

            def bare() -> None:
                groups = list(grouped(calls(), _N_AT_ONCE))
                bodies = [request(own, "scripted", backend.traits) for own in groups]
                _ask_all(server.http.server_port, bodies)

            cost = ratio(ours, bare)
        backend.close()
    server.close()
    yield Measured(
        f"Decompression: {_N_CALLS:,} calls, {_N_IN_FLIGHT} requests in flight, journalled, beside "
        "a bare client that keeps none",
        f"{cost:.2f} ×",
        "at most 1.05",
    )


def _ask_all(port: int, bodies: list[tuple[str, dict]]) -> None:
    own = local()

    def ask(path_and_body: tuple[str, dict]) -> None:
        path, body = path_and_body
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection("127.0.0.1", port)
        own.connection.request("POST", path, json.dumps(body))
        json.loads(own.connection.getresponse().read())

    with ThreadPoolExecutor(_N_IN_FLIGHT) as pool:
        list(pool.map(ask, bodies))
