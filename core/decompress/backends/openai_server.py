"""Any OpenAI-compatible server over HTTP: vLLM, ScalarLM, llama.cpp, and hosted ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from assay.core.decompress.backends.base import ModelIdentity
from assay.core.decompress.backends.capabilities import probe
from assay.core.decompress.backends.connection import Connection, Reply, Unreachable
from assay.core.decompress.backends.openai_format import Garbled, answers, grouped, request
from assay.core.decompress.backends.patience import Patience, is_passing
from assay.core.decompress.backends.rate_limit import AdaptiveLimit
from assay.core.decompress.backends.served import (
    NEEDS_KEY,
    base_of,
    redirected,
    refused_key,
)
from assay.core.decompress.backends.words import read_json, refusal_words
from assay.core.errors import AssayError
from assay.core.specs.addresses import read_address
from assay.core.specs.model_calls import Answer, Call, Refusal
from assay.core.specs.plain import JsonObject

_FIRST_IN_FLIGHT, _MOST_IN_FLIGHT = 4, 256
# A server that never refuses gets this many requests at once after a few answers.
_QUICKLY_IN_FLIGHT = 32
_N_AT_ONCE = 4
PATIENCE = Patience()
# If this many requests in a row stay unanswered after all tries, the server is gone.
_MOST_EXHAUSTED = 3
# No call of this run will ever be answered.
_NOT_ALLOWED = {402, 404}


class ServerBackend:
    """One model of one server. A request that takes longer than ``timeout_s`` is sent again.

    At most ``most_in_flight`` requests are sent at once.
    """

    # Requests wait for the last one of a batch, so there should be many times more in it than in
    # flight.
    batch_size = 16 * _MOST_IN_FLIGHT

    def __init__(
        self,
        address: str,
        identity: ModelIdentity,
        timeout_s: float = 300.0,
        patience: Patience | None = None,
        most_in_flight: int = _MOST_IN_FLIGHT,
    ) -> None:
        self.identity = identity
        self._base = base_of(address, identity)
        self._patience = patience or PATIENCE
        self._connection = Connection(read_address(address), timeout_s, most_in_flight)
        self._limit = AdaptiveLimit(_FIRST_IN_FLIGHT, most_in_flight, _QUICKLY_IN_FLIGHT)
        self._pool = ThreadPoolExecutor(most_in_flight)
        self._is_closing = threading.Event()
        self._n_exhausted = 0
        # A question that was answered, to ask again when others are not.
        self._answered: tuple[str, JsonObject] | None = None
        try:
            self.traits = probe(self._probed, self.identity.name, _N_AT_ONCE)
        except BaseException:
            self.close()
            raise

    def answer(self, calls: Sequence[Call]) -> Iterator[list[tuple[Call, Answer | Refusal]]]:
        n_most = _N_AT_ONCE if self.traits.honours_n else 1
        ahead = grouped(calls, n_most)
        running: set[Future[list[tuple[Call, Answer | Refusal]]]] = set()
        # Only as many as may be in flight, so that cancelling loses nothing else.
        while True:
            while len(running) < self._limit.limit and (group := next(ahead, None)):
                running.add(self._pool.submit(self._ask, group))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            failed = [error for future in done if (error := future.exception())]
            # Answers that came together are stored together, also those that came with a failure.
            came = [pair for one in done if not one.exception() for pair in one.result()]
            if came:
                yield came
            if failed:
                raise failed[0]

    def close(self) -> None:
        self._is_closing.set()
        self._limit.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    def _ask(self, group: list[Call]) -> list[tuple[Call, Answer | Refusal]]:
        start = time.monotonic()
        path, body = request(group, self.identity.name, self.traits)
        given: Sequence[Answer | Refusal] | Refusal = Refusal("")
        for _ in range(self._patience.n_tries_of_others):
            reply = self._post(path, body)
            if isinstance(reply, Refusal):
                given = reply
                if reply.status is None or is_passing(reply.status):
                    break  # all its tries were used
                continue
            try:
                given = answers(group, reply, time.monotonic() - start, self.traits)
                break
            except Garbled as error:
                given = Refusal(str(error))
        if not isinstance(given, Refusal):
            return list(zip(group, given, strict=True))
        if len(group) == 1:
            return [(group[0], given)]
        # The server may refuse only one of the samples: ask for the others separately.
        return [pair for call in group for pair in self._ask([call])]

    def _probed(self, path: str, body: JsonObject) -> JsonObject | Refusal:
        # For a probe, a missing path is an answer.
        return self._post(path, body, is_probe=True)

    def _post(self, path: str, body: JsonObject, is_probe: bool = False) -> JsonObject | Refusal:
        """The reply, or the server's last refusal; AssayError if the server cannot be reached."""
        words, is_there, status = "", True, None
        n_hangs = attempt = 0
        for attempt in range(self._patience.n_tries):
            with self._limit.slot():
                if self._is_closing.is_set():
                    raise AssayError("the connection was closed")
                try:
                    reply = self._connection.send("POST", self._base + path, body)
                except Unreachable as error:
                    words, is_there, status = str(error), error.is_there, None
                    self._limit.refused(self._patience.wait_s(attempt))
                    n_hangs += is_there
                    if n_hangs == self._patience.n_tries_of_hangs:
                        break
                    continue
                if is_passing(reply.status):
                    words, is_there = refusal_words(reply.status, reply.body), True
                    status = reply.status
                    asked = reply.headers.get("retry-after")
                    self._limit.refused(self._patience.wait_s(attempt, asked))
                    continue
                self._limit.answered()
                self._n_exhausted = 0
                if reply.status == 200:
                    self._answered = path, body
                return self._content(reply, is_probe)
        self._n_exhausted += 1
        if is_there and (self._n_exhausted < _MOST_EXHAUSTED or self._still_answers()):
            return Refusal(f"{words} (in {attempt + 1} tries)", status)
        raise AssayError(
            f"The server at {self._base} did not answer in {attempt + 1} tries ({words}). "
            "The answers so far are kept, and the same command continues."
        )

    def _still_answers(self) -> bool:
        """Whether the server still answers an earlier question; if so, the new ones are at
        fault.
        """
        if self._answered is None:
            return False
        path, body = self._answered
        try:
            reply = self._connection.send("POST", self._base + path, body)
        except Unreachable:
            return False
        if reply.status == 200:
            self._n_exhausted = 0
        return reply.status == 200

    def _content(self, reply: Reply, is_probe: bool) -> JsonObject | Refusal:
        words = refusal_words(reply.status, reply.body)
        if 300 <= reply.status < 400:
            raise redirected(self._base, reply)
        if reply.status in NEEDS_KEY and not (is_probe and reply.status == 403):
            raise refused_key(reply.status, words)
        if reply.status in _NOT_ALLOWED and not is_probe:
            raise AssayError(f"The server at {self._base} says {words}.")
        if reply.status >= 400:
            return Refusal(words, reply.status)
        try:
            content = read_json(reply.body)
        except ValueError:
            return Refusal(words, reply.status)
        return content if isinstance(content, dict) else Refusal(words, reply.status)
