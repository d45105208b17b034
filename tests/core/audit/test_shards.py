"""Audits whose documents are divided among processes: every block is found, none differs."""

from __future__ import annotations

import json

import pytest
from support.contents import contents
from support.forked import Forked
from support.long_corpus import N_DOCUMENTS, long_corpus, nudged
from support.tiny_models import save_llama

from assay.core.audit import document_rows
from assay.core.errors import InputError
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.per_example_gradients import ClassifierGradients
from assay.core.specs.shard import Shard

pytestmark = pytest.mark.usefixtures("tiny_encoder")
FEW = [
    *("--strategy", "select", "--strategy", "random", "--strategy", "embedding-match"),
    *("--student-epochs", "0", "--no-map", "--budget", "30", "--precision", "fp32", "--json"),
]
ALSO = (
    *("membership_scores", "embedding_scores", "embedding_gradients", "embedding_factors"),
    "layer_scores",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return long_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def language_pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    save_llama(folder / "base")
    nudged(folder / "base", folder / "final")
    return [
        *("--base", folder / "base", "--final", folder / "final", "--task", "sft"),
        *("--strategy", "layer-match"),
    ]


def of_tiny(tiny):
    return ["--base", tiny / "base", "--final", tiny / "final"]


def done(result):
    assert result.status == 0, result.err
    return json.loads(result.out)


def found(said):
    """Everything an audit found, as text: a missing p-value is NaN, which equals nothing."""
    return {table: repr(rows) for table, rows in contents(said["path"], ALSO).items()}


def refuse(*_):
    raise AssertionError("computed again")


def test_two_shards_at_once_leave_nothing_to_compute(tiny, corpus, assay, monkeypatch, tmp_path):
    """Two processes that share a store write every document once; the audit after them computes
    none again, and is the same to the last bit as one that was never divided."""
    asked = ["audit", *of_tiny(tiny), "--seed-corpus", corpus, *FEW]
    shared = tmp_path / "shared"
    parts = [Forked(*asked, "--shard", f"{n}/2", ASSAY_HOME=str(shared)) for n in (1, 2)]
    said = [part.stderr.read() for part in parts]
    assert [part.wait() for part in parts] == [0, 0], said
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "alone"))
    alone = done(assay(*asked))
    monkeypatch.setenv("ASSAY_HOME", str(shared))
    for n in (1, 2):
        again = done(assay(*asked, "--shard", f"{n}/2"))
        assert set(again["n_computed"].values()) == {0}
        assert again["n_documents"] == N_DOCUMENTS
    for kind in (ClassifierGradients, EmbeddingGradients):
        monkeypatch.setattr(kind, "of_batch", refuse)
    divided = done(assay(*asked))
    assert divided["audit"] == alone["audit"]
    assert found(divided) == found(alone)
    assert len(contents(alone["path"], ALSO)["embedding_scores"]) == N_DOCUMENTS
    assert list((shared / "building").glob("*.duckdb")) == []
    assert done(assay(*asked, "--shard", "1/2"))["was_sealed"]


def test_a_shard_takes_its_part_and_no_more(tiny, corpus, assay, monkeypatch, tmp_path):
    """Parts are disjoint, none is empty where there are batches enough, and together they are all
    documents; the audit computes what a lost part left open, with the same result."""
    asked = ["audit", *of_tiny(tiny), "--seed-corpus", corpus, *FEW]
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "parts"))
    counts = [done(assay(*asked, "--shard", f"{n}/3"))["n_computed"] for n in (1, 3)]
    assert all(0 < one["gradients"] < N_DOCUMENTS for one in counts)
    assert sum(one["gradients"] for one in counts) < N_DOCUMENTS
    completed = done(assay(*asked))
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "alone"))
    assert found(completed) == found(done(assay(*asked)))


def test_a_killed_shard_of_a_language_model_goes_on(
    language_pair, corpus, assay, monkeypatch, tmp_path
):
    """Ended between two commits, a shard computes only the rest when it is run again; membership
    scores and layer gradients are divided as gradients are."""
    asked = ["audit", *language_pair, "--seed-corpus", corpus, *FEW]
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "parts"))
    commits = []
    commit = document_rows.SharedRows.append

    def end_at_the_second(self, keys, *rest):
        commits.append(keys)
        if len(commits) == 2:
            raise KeyboardInterrupt
        commit(self, keys, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(document_rows.SharedRows, "append", end_at_the_second)
        assert assay(*asked, "--shard", "1/1").status == 1
    resumed = done(assay(*asked, "--shard", "1/1"))
    assert resumed["n_computed"]["gradients"] == N_DOCUMENTS - len(commits[0])
    assert resumed["n_computed"]["membership baselines"] == N_DOCUMENTS
    assert resumed["n_computed"]["layer gradients"] == N_DOCUMENTS
    with monkeypatch.context() as patch:
        patch.setattr(LayerAgreement, "_filters", property(refuse))
        divided = done(assay(*asked))
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "alone"))
    assert found(divided) == found(done(assay(*asked)))
    tables = contents(divided["path"], ALSO)
    assert len(tables["membership_scores"]) > N_DOCUMENTS == len(tables["layer_scores"])


def test_rows_that_another_wrote_meanwhile_stay(tmp_path):
    """Of rows that come twice, the first to be committed are kept and the others dropped."""
    import numpy as np

    from assay.cache.files.precomputed import open_token_scores
    from assay.cache.store import Store
    from assay.core.runtime.progress import SilentProgress

    store = Store(tmp_path)
    kind = document_rows.DocumentRows(open_token_scores, "key", "score", None, None, None)
    rows = document_rows.SharedRows(kind, store, SilentProgress())
    n = 300  # more than a block
    rows.append([f"a{i}" for i in range(n)], {"scores": [[1.0]] * n}, {"m": np.ones((n, 2))})
    names = [f"a{i}" for i in range(n - 1, n + 2)]
    rows.append(names, {"scores": [[2.0]] * 3}, {"m": 2 * np.ones((3, 2))})

    def kept(opened):
        place = opened.find(names)
        return place["scores"].to_pylist(), opened.matrix("m", place)[:, 0].tolist()

    scores, matrix = kind.with_cached(store, SilentProgress(), kept)
    assert scores == [[1.0], [2.0], [2.0]]
    assert matrix == [1.0, 2.0, 2.0]


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_part_that_is_none_is_refused(text):
    """Parts count from 1 to the number of parts."""
    with pytest.raises(InputError, match="--shard"):
        Shard.read(text)


def test_a_shard_is_not_queued(tiny, assay):
    """A part is for a scheduler's own queue: asking for both is bad usage."""
    asked = ["audit", *of_tiny(tiny), "--seed-corpus", tiny / "noise.jsonl"]
    result = assay(*asked, "--shard", "1/2", "--queue")
    assert result.status == 2
    assert "--queue" in result.err
