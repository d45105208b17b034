"""Embeddings kept between audits."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_models import save_sentence_encoder

from assay.cache.files.precomputed import open_embeddings
from assay.cache.store import Store
from assay.core.audit.stages.embeddings import embed_documents
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.hashing import exact_hash

COMPUTE = Compute("cpu", is_bf16=False, n_threads=1)
TEXTS = [f"Paragraph {n} is about the {n}th of many things." for n in range(300)]


class Notes(SilentProgress):
    def __init__(self):
        self.lines = []

    def note(self, line):
        self.lines.append(line)


@pytest.fixture(scope="module")
def plain():
    return Embedder(COMPUTE).embed(TEXTS)


def embedded(texts, store, compute=COMPUTE):
    notes = Notes()
    return embed_documents(texts, store, compute, notes), notes.lines


def rows_of(store):
    (path,) = store.embeddings.glob("*.duckdb")
    return open_embeddings(store, path.stem, lambda: None, lambda path: None)


def test_a_text_is_embedded_once_and_read_from_then_on(tmp_path, plain):
    """What the cache holds of a text is returned wherever it comes, and only for its precision;
    what it lacks is as the model gives it, across blocks and repetitions."""
    store, stand_in = Store(tmp_path), np.eye(384, dtype=np.float32)[:1]
    found, _ = embedded(TEXTS[1:2], store)
    assert np.allclose(found, plain[1:2], atol=1e-3)
    with rows_of(store) as kept:
        kept.append([exact_hash(TEXTS[0])], {}, {"vector": stand_in})

    found, _ = embedded([*TEXTS, TEXTS[0], TEXTS[299]], store)
    assert np.array_equal(found[0], stand_in[0])
    assert np.array_equal(found[300], stand_in[0])
    assert np.allclose(found[1:300], plain[1:], atol=1e-3)
    assert np.array_equal(found[301], found[299])

    other, _ = embedded(TEXTS[:2], store, Compute("cpu", is_bf16=True, n_threads=1))
    assert not np.allclose(other[0], stand_in[0], atol=0.1)
    assert np.allclose(other, plain[:2], atol=0.02)


def test_damaged_embeddings_are_set_aside_and_computed_anew(tmp_path, plain):
    """Changed bytes are never returned: the file is kept elsewhere, the user told, the text
    embedded again."""
    store = Store(tmp_path)
    _, notes = embedded(TEXTS[:3], store)
    assert not notes
    with rows_of(store) as kept:
        kept._connection.execute("UPDATE arrays SET data = '\\x00\\x01'::BLOB || data[3:]")
    found, notes = embedded(TEXTS[:3], store)
    assert np.allclose(found, plain[:3], atol=1e-3)
    (note,) = notes
    assert str(store.quarantine) in note


def test_two_encoders_of_one_process_never_share_vectors(assay, tmp_path, monkeypatch):
    """What the tests keep of one encoder (conftest) is not given for another."""
    from assay.core.models import sentence_encoder

    assay("doctor")  # the command line of these tests keeps encoders and what they gave
    found = {}
    for name, seed in (("one", 0), ("two", 1)):
        folder = save_sentence_encoder(tmp_path / name, seed)
        monkeypatch.setattr(sentence_encoder, "builtin_minilm", lambda folder=folder: folder)
        found[name] = Embedder(COMPUTE).embed(TEXTS[:2])
    assert not np.allclose(found["one"], found["two"])
