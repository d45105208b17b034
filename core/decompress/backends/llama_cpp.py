"""llama.cpp in this process (xllamacpp), for GGUF files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from assay.core.decompress.backends.base import ModelIdentity
from assay.core.decompress.backends.capabilities import probe
from assay.core.decompress.backends.openai_format import (
    CHAT_PATH,
    Garbled,
    answers,
    grouped,
    request,
)
from assay.core.decompress.backends.words import error_words
from assay.core.errors import InputError
from assay.core.specs.model_calls import Answer, Call, Refusal
from assay.core.specs.plain import JsonObject

# Samples that are decoded together. An answer depends on its seed and not on the rest of the batch
# (measured: 16 of 16 equal, alone and in a batch with others).
_N_SLOTS = 8
_TOKENS_A_SLOT = 1536


class LlamaBackend:
    """One model file, decoded on the CPU, or on the GPU that the wheel was built for."""

    batch_size = 4 * _N_SLOTS

    def __init__(self, file: Path, identity: ModelIdentity, n_threads: int) -> None:
        self.identity = identity
        self._server = _open(file, n_threads)
        self._pool = ThreadPoolExecutor(_N_SLOTS)
        self.traits = probe(self._post, identity.name, _N_SLOTS)

    def answer(self, calls: Sequence[Call]) -> Iterator[list[tuple[Call, Answer | Refusal]]]:
        n_most = _N_SLOTS if self.traits.honours_n else 1
        asked = [self._pool.submit(self._ask, group) for group in grouped(calls, n_most)]
        for done in as_completed(asked):
            yield done.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _ask(self, group: list[Call]) -> list[tuple[Call, Answer | Refusal]]:
        path, body = request(group, self.identity.name, self.traits)
        start = time.monotonic()
        reply = self._handle(path, body)
        try:
            given = answers(group, reply, time.monotonic() - start, self.traits)
        except Garbled as error:
            return [(call, Refusal(str(error))) for call in group]
        return list(zip(group, given, strict=True))

    def _post(self, path: str, body: JsonObject) -> JsonObject | Refusal:
        reply = self._handle(path, body)
        error = error_words(reply)
        return Refusal(error, 400) if error else reply

    def _handle(self, path: str, body: JsonObject) -> JsonObject:
        # Otherwise the last bits of answers would depend on what a slot held before.
        body = {**body, "cache_prompt": False}
        if path == CHAT_PATH:
            return self._server.handle_chat_completions(body)
        return self._server.handle_completions(body)


def _open(file: Path, n_threads: int) -> Any:
    import xllamacpp

    options = xllamacpp.CommonParams()
    options.model.path = str(file)
    options.n_parallel, options.n_ctx = _N_SLOTS, _N_SLOTS * _TOKENS_A_SLOT
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = n_threads
    options.warmup, options.verbosity = False, -1
    try:
        return xllamacpp.Server(options)
    except RuntimeError as error:
        raise InputError(
            f"a GGUF file that llama.cpp can load at {file.name!r}",
            str(error).splitlines()[0] if str(error) else "an error",
            "give another file, or the model's folder with safetensors",
        ) from error
