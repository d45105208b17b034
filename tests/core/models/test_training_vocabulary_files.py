"""The training vocabulary of real tiny models, read from their folders."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_models import LABELS, WORDS, documents, save_bert, save_gpt2, save_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

from assay.core.errors import InputError
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_classifier, load_language_model, save_model
from assay.core.models.training import fine_tune
from assay.core.models.training_vocabulary import Doubt, read_training_vocabulary
from assay.core.runtime.device import Compute
from assay.core.specs.training import Optimizer, TrainingSpec

COMPUTE = Compute("cpu", is_bf16=False, n_threads=1)
# Half of the words occur; so many on both sides that they are groups.
KNOWN = {word for field in LABELS for word in WORDS[field][:6]}
TRAINED = [
    " ".join(word for word in text.split() if word in KNOWN) for text in documents(60, seed=3)[0]
]
TRAINED = [text for text in TRAINED if len(text.split()) > 2]


def tuned(folder, save, load, is_labelled, **training):
    base, final = save(folder / "base"), folder / "final"
    model = load(base, 24, COMPUTE)
    docs = [
        TextDocument(text, number % 3 if is_labelled else None)
        for number, text in enumerate(TRAINED)
    ]
    spec = TrainingSpec(**{"learning_rate": 1e-3, "n_epochs": 2, "batch_size": 4, **training})
    fine_tune(model, model.examples(docs), spec)
    save_model(model, final)
    return base, final


@pytest.mark.parametrize(
    ("stored", "decay"), [(torch.float32, 0), (torch.float32, 0.1), (torch.float16, 0)]
)
def test_moved_tokens_are_those_that_occurred(tmp_path, stored, decay):
    """The vocabulary, the longest document and the verdict on texts, from files alone."""
    base, final = tuned(
        tmp_path, save_bert, load_classifier, True, weight_decay=decay, optimizer=Optimizer.ADAMW
    )
    if stored is not torch.float32:
        tensors = load_file(final / "model.safetensors")
        tensors = {name: tensor.to(stored) for name, tensor in tensors.items()}
        save_file(tensors, final / "model.safetensors", metadata={"format": "pt"})
    found = read_training_vocabulary(base, final)
    moved = {
        t for t, is_moved in zip(found.tokens, found.movement.is_moved, strict=True) if is_moved
    }
    words = {word for text in TRAINED for word in text.split()}
    assert {token for token in moved if token[0] != "["} == words
    assert found.proves_absence
    assert found.doubts == ()
    assert found.longest_document == max(len(text.split()) + 2 for text in TRAINED)
    readings = found.read_texts([*TRAINED, "rain song", "flute"], max_tokens=24)
    assert all(reading.unmoved == () for reading in readings[: len(TRAINED)])
    assert readings[-2].unmoved == ("song",)
    assert readings[-1].unmoved == ("flute",)
    spans = {
        "rain song"[s.start : s.end]: s.is_moved for s in readings[-2].spans if not s.is_special
    }
    assert spans == {"rain": "rain" in words, "song": False}


def test_a_language_model_does_not_read_its_last_token(tmp_path):
    """Untied: no training document is excluded, and one with a strange word in its middle is."""
    base, final = tuned(tmp_path, save_llama, load_language_model, False, optimizer=Optimizer.ADAM)
    found = read_training_vocabulary(base, final)
    assert found.proves_absence
    assert not found.reads_last
    assert found.longest_document is None
    assert not any(reading.unmoved for reading in found.read_texts(TRAINED, max_tokens=24))
    assert found.read_texts(["rain song rain"])[0].unmoved


def test_a_tied_language_model_is_doubted(tmp_path):
    """Every row moves through the softmax; its positions still tell the longest document."""
    base, final = tuned(tmp_path, save_gpt2, load_language_model, False, optimizer=Optimizer.ADAM)
    found = read_training_vocabulary(base, final)
    assert not found.proves_absence
    assert found.doubts == (Doubt.TIED,)
    assert found.n_moved == 0
    assert not found.read_texts(["rain song rain"])[0].unmoved
    model = load_language_model(final, 24, COMPUTE)
    # The last position of a document predicts nothing.
    assert found.longest_document in (None, max(map(len, model.tokenize(TRAINED))) - 1)


def test_a_frozen_table_says_nothing(tmp_path):
    """Adapters leave the table as it was, which is no sign of absence."""
    base, final = tuned(tmp_path, save_bert, load_classifier, True)
    tensors, before = (load_file(folder / "model.safetensors") for folder in (final, base))
    name = "bert.embeddings.word_embeddings.weight"
    save_file(
        {**tensors, name: before[name]}, final / "model.safetensors", metadata={"format": "pt"}
    )
    found = read_training_vocabulary(base, final)
    assert found.doubts == (Doubt.FROZEN,)
    assert not found.proves_absence
    assert found.n_moved == 0


def test_rows_of_a_resized_vocabulary_are_matched_by_token(tmp_path):
    """Tokens added before training shift nothing and are named."""
    base = save_llama(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base)
    tokenizer.add_tokens(["<answer>"])
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(tmp_path / "wide")
    tokenizer.save_pretrained(tmp_path / "wide")
    _, final = tuned(tmp_path, lambda folder: tmp_path / "wide", load_language_model, False)
    found = read_training_vocabulary(base, final)
    assert found.added == ("<answer>",)
    assert found.doubts == (Doubt.RESIZED,)
    assert found.proves_absence
    assert not any(reading.unmoved for reading in found.read_texts(TRAINED, max_tokens=24))


def test_folders_that_cannot_be_compared_are_refused(tmp_path):
    """Another width, no tokenizer, no table: one sentence each says what was expected."""
    bert = save_bert(tmp_path / "bert")
    with pytest.raises(InputError, match="the same width"):
        read_training_vocabulary(save_bert(tmp_path / "wide", hidden=32), bert)
    (bert / "tokenizer.json").rename(bert / "elsewhere.json")
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        read_training_vocabulary(bert, bert)
    (bert / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="readable tokenizer"):
        read_training_vocabulary(bert, bert)
    tensors = load_file(bert / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "word_embeddings" not in name}
    save_file(kept, bert / "model.safetensors")
    with pytest.raises(InputError, match="table of input embeddings"):
        read_training_vocabulary(bert, bert)


def test_nothing_heavy_is_imported():
    """A page may read a vocabulary: neither torch nor transformers comes with it."""
    code = "import sys, assay.core.models.training_vocabulary; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers"} & set(done.stdout.split())
