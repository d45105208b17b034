"""HTTP to one server, limited in bytes and time; credentials never appear in any message."""

from __future__ import annotations

import base64
import os
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from assay.core.decompress.backends.words import quoted
from assay.core.errors import InputError
from assay.core.specs.addresses import ServerAddress
from assay.core.specs.plain import JsonObject

API_KEY_VARIABLE = "ASSAY_API_KEY"
# More than any answer to our questions needs: four of 1,024 tokens with log-probabilities are under
# 1 MB.
MOST_BYTES = 16 * 2**20
_CONNECT_S = 10.0
_CHECK_S = 1.0
# A shorter key would also be found in ordinary words.
_SHORTEST_SECRET = 6


class Unreachable(Exception):
    """No complete reply came; the message says why. ``is_there`` if something listens."""

    def __init__(self, words: str, is_there: bool) -> None:
        super().__init__(words)
        self.is_there = is_there


@dataclass(frozen=True)
class Reply:
    """One complete reply. Names of headers are lowercase."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Sends requests to one server. Safe to share between threads.

    A reply that takes longer than ``timeout_s`` in all, or has more than ``most_bytes``, is
    abandoned. Redirects are not followed, because the user did not name the next host.
    """

    def __init__(
        self,
        address: ServerAddress,
        timeout_s: float,
        most_at_once: int = 1,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._timeout_s, self._most_bytes = timeout_s, most_bytes
        self._is_closed = threading.Event()
        authorization, self._secrets = _credentials(address)
        self._client = httpx2.Client(
            # A small compressed reply could expand without limit.
            headers={"Accept-Encoding": "identity", **authorization},
            timeout=httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
            limits=httpx2.Limits(max_connections=most_at_once),
        )

    def send(self, method: str, url: str, body: JsonObject | None = None) -> Reply:
        """The reply; Unreachable if no complete one came in time."""
        # The time limit must hold whatever the server does, and a thread that reads cannot be
        # stopped: it is abandoned, and ends with the connection or the process.
        came: queue.SimpleQueue[Reply | Unreachable] = queue.SimpleQueue()
        deadline = time.monotonic() + self._timeout_s
        threading.Thread(
            target=self._exchange, args=(method, url, body, deadline, came), daemon=True
        ).start()
        while not self._is_closed.is_set():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Unreachable(f"no complete reply within {self._timeout_s:g} s", True)
            try:
                reply = came.get(timeout=min(_CHECK_S, left_s))
            except queue.Empty:
                continue
            if isinstance(reply, Unreachable):
                raise reply
            return reply
        raise Unreachable("the connection was closed", True)

    def close(self) -> None:
        """Abandon all requests in progress."""
        self._is_closed.set()
        self._client.close()

    def _exchange(
        self,
        method: str,
        url: str,
        body: JsonObject | None,
        deadline: float,
        came: queue.SimpleQueue[Reply | Unreachable],
    ) -> None:
        try:
            came.put(self._reply(method, url, body, deadline))
        except Unreachable as error:
            came.put(error)
        except httpx2.TimeoutException as error:
            is_there = not isinstance(error, httpx2.ConnectTimeout)
            came.put(Unreachable(f"no complete reply within {self._timeout_s:g} s", is_there))
        except Exception as error:  # any error: a waiting caller must be told
            is_there = not isinstance(error, httpx2.ConnectError)
            words = self._kept_secret(str(error).encode(errors="replace")).decode()
            came.put(Unreachable(quoted(f"{type(error).__name__}: {words}"), is_there))

    def _reply(self, method: str, url: str, body: JsonObject | None, deadline: float) -> Reply:
        with self._client.stream(method, url, json=body) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if headers.get("content-encoding", "identity") != "identity":
                raise Unreachable("a compressed reply, which was not requested", True)
            read = bytearray()
            for piece in response.iter_raw():
                read += piece
                if len(read) > self._most_bytes:
                    raise Unreachable(f"a reply of more than {self._most_bytes:,} bytes", True)
                if time.monotonic() > deadline:
                    raise Unreachable(f"no complete reply within {self._timeout_s:g} s", True)
        return Reply(response.status_code, headers, self._kept_secret(bytes(read)))

    def _kept_secret(self, said: bytes) -> bytes:
        """The text without our key: some servers repeat it in their errors."""
        for secret in self._secrets:
            said = said.replace(secret, b"***")
        return said


def _credentials(address: ServerAddress) -> tuple[dict[str, str], list[bytes]]:
    """The header with the credentials, and the strings that must never be shown.

    InputError for a key that a header cannot contain.
    """
    key = os.environ.get(API_KEY_VARIABLE, "").strip()
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise InputError(
            f"printable ASCII characters without spaces in the variable {API_KEY_VARIABLE}",
            f"{len(key)} characters, some of them not allowed",
            "set it again",
        )
    if key:
        header, secrets = f"Bearer {key}", [key]
    elif address.login:
        pair = base64.b64encode(":".join(address.login).encode()).decode()
        header, secrets = f"Basic {pair}", [pair, address.login[1]]
    else:
        return {}, []
    hidden = [secret.encode() for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    return {"Authorization": header}, hidden
