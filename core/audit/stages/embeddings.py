"""Sentence embeddings of documents: computed once, then read from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import SETS
from assay.cache.files.precomputed import open_embeddings
from assay.cache.files.row_cache import RowStore
from assay.cache.store import Store
from assay.core.audit.context import AuditContext
from assay.core.audit.precomputed import with_cached_rows
from assay.core.models.digests import tokenizer_digest, weights_digest
from assay.core.models.locate import builtin_minilm
from assay.core.models.sentence_encoder import MAX_TOKENS, Embedder
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import Progress
from assay.core.specs.hashing import content_key, exact_hash

# Part of the key: raise it when the same text would get another embedding.
_VERSION = 1
# Texts that are embedded together. Another number would give other last bits.
_TEXTS_TOGETHER = 256

_Made = TypeVar("_Made")
_EmbedNew = Callable[[Sequence[str]], NDArray[np.float32]]


def embed_documents(
    texts: Sequence[str], store: Store, compute: Compute, progress: Progress
) -> NDArray[np.float32]:
    """Unit vectors of ``texts``, (n × 384) float32, in the cache's precision.

    Only texts that no audit has embedded before are computed. A killed run continues after its last
    block; a damaged cache file is set aside and rebuilt.
    """
    embed_new = _embedder_when_needed(compute)

    def use(kept: RowStore) -> NDArray[np.float32]:
        return np.concatenate(list(_in_blocks(texts, kept, embed_new, progress)))

    return _with_cached(store, compute, progress, use)


def _with_cached(
    store: Store, compute: Compute, progress: Progress, use: Callable[[RowStore], _Made]
) -> _Made:
    key = embeddings_key(compute)
    return with_cached_rows(open_embeddings, store, key, "embedding", progress, use)


def _in_blocks(
    texts: Iterable[str], kept: RowStore, embed_new: _EmbedNew, progress: Progress
) -> Iterator[NDArray[np.float32]]:
    """Vectors of ``texts`` in order; a few of them are in memory at a time."""
    remaining = iter(texts)
    while block := list(islice(remaining, _TEXTS_TOGETHER)):
        yield _embedded(block, kept, embed_new)
        progress.advance(len(block))


def _embedded(texts: Sequence[str], kept: RowStore, embed_new: _EmbedNew) -> NDArray[np.float32]:
    hashes = [exact_hash(text) for text in texts]
    new = {hashes[index]: texts[index] for index in kept.missing(hashes)}
    if new:
        kept.append(list(new), {}, {"vector": embed_new(list(new.values()))})
    return kept.matrix("vector", kept.find(hashes))


def embeddings_key(compute: Compute) -> str:
    """Of what decides which vector a text has."""
    model = builtin_minilm()
    identity = (weights_digest(model), tokenizer_digest(model), MAX_TOKENS, compute.precision)
    return content_key("embeddings", _VERSION, *identity)[:32]


def _embedder_when_needed(compute: Compute) -> _EmbedNew:
    """Loading the model takes seconds, so it is skipped if every text is cached."""
    embedder = cache(lambda: Embedder(compute))
    return lambda texts: embedder().embed(texts)


def embed(audit: AuditContext) -> None:
    if audit.builder.is_done("embeddings"):
        return
    sizes = {name: audit.rows.n_of(name) for name in SETS}
    compute, embed_new = audit.question.compute, _embedder_when_needed(audit.question.compute)

    def write(kept: RowStore) -> None:
        audit.builder.clear("embeddings")
        for name in SETS:
            first = 0
            texts = audit.rows.each_text(name)
            for vectors in _in_blocks(texts, kept, embed_new, audit.progress):
                audit.builder.write_matrix("embeddings", {"set_name": name}, vectors, first)
                first += len(vectors)

    with audit.stage("embed", sum(sizes.values()), "embeddings", ("embeddings",)):
        _with_cached(audit.store, compute, audit.progress, write)
