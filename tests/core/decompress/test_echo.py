"""What a model says against what it was trained on: the mathematics, the command, the page."""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.endings import assert_ends_for_people
from support.pages import confirmed, opened, words

from assay.cache.audits.rows import SETS
from assay.cache.store import Store
from assay.core.audit.store_lookups import StoreLookups
from assay.core.data.sources import read_documents
from assay.core.findings.echo import echo_finding, run_in_words
from assay.core.models.sentence_encoder import Embedder
from assay.core.runtime.device import Compute
from assay.core.similarity.verbatim import N_LEAST, longest_shared_runs
from assay.core.similarity.verbatim import words as words_of
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import command_line
from assay.core.specs.data import DataRef
from assay.core.specs.results.echo import EchoResult, EchoRow
from assay.core.stats.transport_test import compare_transport


def branched(generator, n_branches, shift=0.0, n_each=3):
    """Unit vectors in branches that have a direction of their own."""
    centres = np.repeat(generator.normal(size=(n_branches, 8)), n_each, axis=0)
    vectors = centres + 0.3 * generator.normal(size=centres.shape)
    vectors[:, 0] += shift
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.repeat(np.arange(n_branches), n_each)


def p_values(shift, n_draws):
    """Of two models asked for eight topics each; the first is shifted towards the target."""
    found = []
    for draw in range(n_draws):
        generator = np.random.default_rng(draw)
        target = branched(generator, 10, 2.5)[0]
        first, own = branched(generator, 8, shift)
        second, others = branched(generator, 8)
        found.append(compare_transport(first, second, target, own, others, draw).p_value)
    return np.array(found)


def test_nearness_is_found_where_it_is_and_not_elsewhere():
    """Two models that say alike get a p-value below 0.1 about as often as that; one that was moved
    towards the target gets it nearly always."""
    assert (p_values(0.0, 20) < 0.1).sum() <= 6  # P(Binomial(20, 0.1) > 6) = 0.2%
    assert (p_values(2.5, 5) < 0.1).sum() >= 4


def test_longest_runs_are_those_difflib_finds():
    """The longest run of words in common, over all targets, is what a matcher of two texts finds;
    runs under five words count as none."""
    generator = np.random.default_rng(3)
    texts, targets = (
        [" ".join(generator.choice(["a", "b", "c", "d"], 40)) + "." for _ in range(6)]
        for _ in range(2)
    )
    for text, found in zip(texts, longest_shared_runs(texts, targets), strict=True):
        naive = max(
            SequenceMatcher(None, words_of(text), words_of(target), autojunk=False)
            .find_longest_match()
            .size
            for target in targets
        )
        assert found == (naive if naive >= N_LEAST else 0)
    assert longest_shared_runs(["one two three four"], ["one two three four"]) == [0]
    assert run_in_words(0) == f"under {N_LEAST}"


@pytest.mark.parametrize(
    ("p_value", "said"),
    [(0.005, "not of these documents in particular"), (0.4, "no nearer")],
)
def test_a_kind_of_text_is_told_from_the_very_documents(p_value, said):
    """Where documents like the reference set, not used, are echoed as well, the verdict says that
    nothing points to the very documents; else that those are no nearer."""
    row = EchoRow("", None, 60, 1.6, 1.7, -0.1, 0.05, 1.0, (0, 0), (7, 0), (0, 0), 1.0)
    kinds = {"seed-corpus": 0.3, "reference": 0.005, "held-out": p_value}
    targets = tuple(replace(row, kind=kind, p_value=p) for kind, p in kinds.items())
    record = EchoResult(
        "An echo", "2026-11-20", {}, "echo-0", {}, "An audit", (), 40, 40, 999, 8, targets, ()
    )
    sentences = echo_finding(record).sentences
    assert said in sentences[1]
    assert "7 words (final model) and under 5 words (base)" in sentences[2]
    quoting = tuple(replace(target, verbatim_p_value=0.001) for target in targets)
    quotes = echo_finding(replace(record, targets=quoting)).sentences
    assert not any("no sign of an echo" in sentence for sentence in quotes)
    without = replace(record, targets=targets[:2])
    assert not any(
        "the held-out documents" in sentence for sentence in echo_finding(without).sentences
    )


@pytest.fixture
def world():
    """An audit with a reference set; a model that quotes the set, and one that talks of others."""
    quoted = []

    def embed(builder):
        embedder = Embedder(Compute("cpu", False, 1))
        for name in SETS:
            texts = builder.rows.texts(name)
            vectors = embedder.embed(texts)
            builder.write_matrix("embeddings", {"set_name": name}, vectors)
        quoted.extend(texts[1:25])

    store = Store.default()
    write_sample_audit(store, n_documents=60, budget=20, before_seal=embed)
    other = [f"Recipe {n}: bake the cake with {n} eggs, some flour and butter." for n in range(24)]
    for name, responses in (("quoting", quoted), ("other", other)):
        write_sample_decompression(store, name, n_examples=24, responses=responses)
    return "sample"


def test_a_model_that_quotes_its_training_data_is_told_from_one_that_does_not(assay, world):
    """Quotations are nearer than chance and counted word for word; with the roles exchanged
    nothing is found, and a comparison once made is read, shown and deleted alone."""
    options = ("--audit", world, "--json")
    found = json.loads(assay("echo", "quoting", "--control", "other", *options).out)
    assert "are nearer to the reference set" in found["says"][0]
    assert "longest repeated runs have" in found["says"][-1]
    assert "under 5 words" in found["says"][-1]
    assert found["targets"]["the reference set"]["p_value"] < 0.05
    record = Store.default().echoes.read(found["echo_id"])
    reference = next(row for row in record.targets if row.kind == "reference")
    assert reference.verbatim[0] >= 20
    assert reference.verbatim[1] == 0
    assert reference.near_duplicates[0] >= 20
    assert len(found["caveats"]) == 2  # made-up weights are not the audited ones
    exchanged = json.loads(assay("echo", "other", "--control", "quoting", *options).out)
    assert "are no nearer" in exchanged["says"][0]
    again = json.loads(assay("echo", "quoting", "--control", "other", *options).out)
    assert again == found
    assert Store.default().echoes.read(found["echo_id"]) == record
    told = assay("echo", "quoting", "--control", "other", "--audit", world).out
    assert_ends_for_people(told, "echo")
    assert told.splitlines()[0] == found["says"][0]
    page = opened("echo", echo=found["echo_id"])
    assert "are nearer to the reference set" in words(page)
    assert "no comparison named" in opened("echo", echo="gone").warning[0].value
    confirmed(page, "comparison").click().run()
    assert Store.default().echoes.read(found["echo_id"]) is None
    assert len(Store.default().echoes.all()) == 1


def test_models_asked_differently_are_not_compared(assay):
    """Another depth is refused by name; another seed or judge is no other question, and what is
    refused then is an audit that keeps no embeddings."""
    store = Store.default()
    write_sample_audit(store, n_documents=60, budget=20)
    for name, asked in (
        ("plain", {}),
        ("deeper", {"depth": 3}),
        ("reseeded", {"seed": 5, "judge": "other"}),
    ):
        write_sample_decompression(store, name, **asked)
    for control, reason in (("deeper", "--depth 2 and 3"), ("reseeded", "sentence embeddings")):
        refused = assay("echo", "plain", "--control", control, "--audit", "sample")
        assert refused.status == 2
        assert reason in refused.err


def test_a_page_without_comparisons_says_how_to_make_one():
    assert "assay echo" in words(opened("echo"))


def test_what_a_model_said_is_a_seed_corpus(assay):
    """Named as a corpus, its answers are read under that name without the tasks, and the command
    that repeats the audit names it too; an unknown decompression is bad input."""
    store = Store.default()
    write_sample_decompression(store, "said")
    ref = StoreLookups(store).corpus("decompression:said", "passage", None, None)
    documents = list(read_documents(ref))
    assert len(documents) == 4
    assert documents[2].text.startswith("Because.\nDrums are tuned")
    assert {document.source for document in documents} == {"decompression:said"}
    spec = AuditSpec("base", "final", (ref, DataRef("pool.parquet", "passage")))
    command = command_line(spec)
    assert "--seed-corpus decompression:said --seed-corpus pool.parquet" in command
    assert "--text-column passage" in command
    corpora = ("--seed-corpus", "decompression:gone")
    unknown = assay("audit", "--base", "base", "--final", "final", *corpora)
    assert unknown.status == 2
    assert "the id of a decompression" in unknown.err
