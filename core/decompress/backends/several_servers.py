"""One model on several servers, which share its calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from assay.core.decompress.backends.base import Backend, ModelIdentity, Traits
from assay.core.errors import InputError
from assay.core.specs.model_calls import Answer, Call, Refusal

_Pairs = list[tuple[Call, Answer | Refusal]]
# Every server takes this many portions of a batch, so that a fast one does more of it.
_PORTIONS_A_SERVER = 4
_LOOK_EVERY_S = 0.2


class SeveralServers:
    """The backends of several servers of one model. A server that fails gets no more calls, and its
    open ones go to the others.

    The identity is the first server's, so that a run continues in the same journal whichever others
    are there. InputError if they do not offer the same model, or do not support the same.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = list(backends)
        first, *others = backends
        for one in others:
            _check_alike("the same model", first.identity.name, one.identity.name)
            _check_alike(
                "the same number of parameters",
                first.identity.n_parameters,
                one.identity.n_parameters,
            )
            _check_alike("servers that support the same", first.traits, one.traits)
        self.identity: ModelIdentity = first.identity
        self.traits: Traits = first.traits
        self.batch_size = sum(one.batch_size for one in backends)

    def answer(self, calls: Sequence[Call]) -> Iterator[_Pairs]:
        """See ``Backend``; AssayError once no server is left."""
        shared = _Shared(calls, len(self._backends))
        for backend in self._backends:
            threading.Thread(target=shared.served_by, args=(backend,), daemon=True).start()
        try:
            yield from self._came(shared)
        finally:
            shared.is_over.set()

    def _came(self, shared: _Shared) -> Iterator[_Pairs]:
        n_open = shared.n_calls
        while n_open:
            came = shared.came.get()
            if isinstance(came, _Failed):
                self._backends.remove(came.backend)
                came.backend.close()
                # Bad input, such as a key that is refused, is for the user to correct.
                if isinstance(came.error, InputError) or not self._backends:
                    raise came.error
                shared.waiting.put(came.unanswered)
            else:
                n_open -= len(came)
                yield came

    def close(self) -> None:
        for backend in self._backends:
            backend.close()


@dataclass(frozen=True)
class _Failed:
    backend: Backend
    error: Exception
    unanswered: list[Call]


class _Shared:
    """The calls of one batch: portions that wait for a server, and what came back."""

    def __init__(self, calls: Sequence[Call], n_servers: int) -> None:
        self.n_calls = len(calls)
        self.waiting: SimpleQueue[list[Call]] = SimpleQueue()
        self.came: SimpleQueue[_Pairs | _Failed] = SimpleQueue()
        self.is_over = threading.Event()
        size = max(1, -(-len(calls) // (n_servers * _PORTIONS_A_SERVER)))
        for start in range(0, len(calls), size):
            self.waiting.put(list(calls[start : start + size]))

    def served_by(self, backend: Backend) -> None:
        """Let one server answer portions, until the batch is over or the server fails."""
        while not self.is_over.is_set():
            try:
                portion = self.waiting.get(timeout=_LOOK_EVERY_S)
            except Empty:
                continue
            left = {call.key: call for call in portion}
            try:
                for pairs in backend.answer(portion):
                    for call, _ in pairs:
                        left.pop(call.key, None)
                    self.came.put(pairs)
                    if self.is_over.is_set():
                        return
            except Exception as error:
                self.came.put(_Failed(backend, error, list(left.values())))
                return


def opened(backends: Iterator[Backend]) -> SeveralServers:
    """Connects to all servers; what is open is closed if one cannot be used."""
    found: list[Backend] = []
    try:
        found.extend(backends)
        return SeveralServers(found)
    except BaseException:
        for backend in found:
            backend.close()
        raise


def _check_alike(what: str, first: Any, other: Any) -> None:
    if first != other:
        raise InputError(
            f"{what} at --model and --also-at",
            f"{first} and {other}",
            "start them with the same model and options, or remove one",
        )
