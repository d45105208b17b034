"""`assay vocabulary` on folders of real tiny models: tokens, texts, doubts, bad input."""

from __future__ import annotations

import io
import json
import sys

import pytest
from support.half_vocabulary import KNOWN, half_vocabulary
from support.tiny_models import save_bert

from assay.core.findings.vocabulary import ASSUMPTIONS, vocabulary_finding
from assay.core.specs.vocabulary import Doubt, VocabularyFacts


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    return half_vocabulary(tmp_path_factory.mktemp("half"))


def asked(half, *more):
    return ["vocabulary", "--base", half.base, "--final", half.final, *more]


def test_the_words_trained_on_are_those_that_moved(assay, half):
    """Exactly the training words, the longest document, and assumptions, as one JSON object."""
    result = assay(*asked(half, "--json"))
    assert result.status == 0, result.err
    said = json.loads(result.out)
    assert set(said["moved"]) == {word for text in half.trained for word in text.split()} == KNOWN
    assert said["proves_absence"]
    assert said["longest_document"] == max(len(text.split()) + 2 for text in half.trained)
    assert said["assumes"] == list(ASSUMPTIONS)
    assert said["says"][0].startswith("18 of 36 tokens occurred in fine-tuning; the other 18 did")
    assert said["n_documents"] is None
    assert said["n_estimated"] is None


def test_no_training_document_is_ruled_out_and_others_are(assay, half, tmp_path):
    """Every text with a word that never occurred is excluded, by that word, and no other text."""
    for name, texts in (("trained", half.trained), ("others", half.others)):
        file = half.folder / f"{name}.jsonl"
        result = assay(*asked(half, "--text", file, "--json"))
        said = json.loads(result.out)
        assert len(said["texts"]) == len(texts) == said["n_documents"]
        for text, own in zip(texts, said["texts"], strict=True):
            # Cut after the longest document, special tokens counted.
            read = text.split()[: said["longest_document"] - 2]
            assert set(own["unmoved"]) == set(read) - KNOWN
            assert own["is_excluded"] == (name == "others")
        assert said["n_possible"] == (len(texts) if name == "trained" else 0)


def test_enough_texts_give_an_estimate_of_how_many_there_were(assay, half, tmp_path):
    """A hundred texts of the kind are a sample; few are not, and neither are texts all of whose
    tokens occurred."""
    many = tmp_path / "many.jsonl"
    known = (half.folder / "held-out.jsonl").read_text() * 2
    many.write_text(known)
    said = json.loads(assay(*asked(half, "--text", many, "--json")).out)
    assert said["n_estimated"] is None
    many.write_text(known + (half.folder / "others.jsonl").read_text())
    said = json.loads(assay(*asked(half, "--text", many, "--json")).out)
    assert said["n_estimated_low"] <= said["n_estimated"] <= said["n_estimated_high"]
    assert any("like the documents given here" in sentence for sentence in said["says"])


def test_standard_input_is_one_text_in_plain_words(assay, half, monkeypatch):
    """The words that rule it out are named; nothing that a terminal obeys is printed."""
    strange = (set(half.others[0].split()) - KNOWN).pop()
    text = f"rain {strange}\n\x1b[31mrain"
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    result = assay(*asked(half, "--text", "-"))
    assert result.status == 0, result.err
    assert "Cannot have been trained on" in result.out
    assert repr(strange) in result.out
    assert "\x1b" not in result.out


def test_frozen_embeddings_rule_nothing_out(assay, half, tmp_path):
    """A model whose embeddings were put back says that it proves nothing."""
    from shutil import copytree

    from safetensors.torch import load_file, save_file

    frozen = tmp_path / "frozen"
    copytree(half.final, frozen)
    name = "bert.embeddings.word_embeddings.weight"
    tensors = load_file(frozen / "model.safetensors")
    tensors[name] = load_file(half.base / "model.safetensors")[name]
    save_file(tensors, frozen / "model.safetensors", metadata={"format": "pt"})
    arguments = ["vocabulary", "--base", half.base, "--final", frozen, "--json"]
    said = json.loads(assay(*arguments, "--text", half.folder / "others.jsonl").out)
    assert said["doubts"] == ["frozen"]
    assert not any(own["is_excluded"] for own in said["texts"])
    assert "not trained" in said["says"][0]
    assert "Not ruled out" in said["texts"][0]["says"]


def test_every_doubt_has_words():
    """No doubt leaves a page without a sentence, and rounding is never called proof."""
    for doubt in Doubt:
        facts = VocabularyFacts(doubts=(doubt,), n_tokens=100, n_moved=40, chance_missed=0.05)
        found = vocabulary_finding(facts)
        assert found.headline
        assert "cannot have been trained on" not in " ".join(found.sentences)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda half, tmp: ["--text", tmp / "none.txt"], ("none.txt",)),
        (lambda half, tmp: ["--text", tmp / "bytes.txt"], ("UTF-8",)),
        (lambda half, tmp: ["--text", tmp / "blank.txt"], ("not blank",)),
        (lambda half, tmp: ["--final", tmp / "wide"], ("width",)),
    ],
)
def test_bad_input_is_refused(assay, half, tmp_path, change, words):
    """One sentence, exit status 2."""
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "blank.txt").write_text(" \n")
    save_bert(tmp_path / "wide", hidden=32)
    result = assay(*asked(half, *change(half, tmp_path)))
    assert result.status == 2
    assert result.out == ""
    for word in words:
        assert word in result.err
