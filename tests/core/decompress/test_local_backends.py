"""Models in this process: what they honour, and what they do when refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from scipy import stats
from support.model_calls import COMPUTE, answered, call
from support.tiny_models import save_topic_model
from transformers import AutoTokenizer

from assay.core.decompress.backends.find import find_model
from assay.core.decompress.backends.seeded_sampling import SeededSampling
from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.resolve import resolve_model
from assay.core.specs.decompression import Engine
from assay.core.specs.model_calls import Call, Refusal, Sampling


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_topic_model(tmp_path_factory.mktemp("topics"), n_positions=512)


@pytest.fixture(scope="module")
def local(folder):
    backend = find_model(str(folder), None, folder).open(COMPUTE)
    yield backend
    backend.close()


def test_an_engine_that_cannot_run_the_model_is_refused(tmp_path):
    """llama.cpp reads no folder and nothing here runs what a server serves; transformers, asked for
    by name, finds in a folder what it finds without."""
    folder = save_topic_model(tmp_path / "model")
    with pytest.raises(InputError, match="GGUF"):
        find_model(str(folder), None, tmp_path, Engine.LLAMA)
    with pytest.raises(InputError, match="--engine"):
        find_model("http://127.0.0.1:9", None, tmp_path, Engine.TRANSFORMERS)
    by_name = find_model(str(folder), None, tmp_path, Engine.TRANSFORMERS)
    assert by_name.identity == find_model(str(folder), None, tmp_path).identity


def test_a_sample_depends_on_its_seed_alone(local):
    """Asked alone or among others of other lengths, a call gets the same answer."""
    calls = [*call().samples(8), call(prompt="Topic:", seed=90), call(prompt="A " * 40, seed=91)]
    together = answered(local, calls)
    alone = [answered(local, [one])[0] for one in calls]
    assert [a.text for a in alone] == [a.text for a in together]
    assert len({a.text for a in together[:8]}) > 4
    np.testing.assert_allclose([a.logprob for a in alone], [a.logprob for a in together], rtol=1e-3)


@pytest.mark.parametrize("padding", ["a word", "none"])
def test_the_padding_token_decides_nothing(local, folder, tmp_path, padding):
    """Text, tokens and log-probability of a draw and of a continuation are the same whatever token
    fills a batch, or if the tokenizer names none; stop strings end some rows long before others."""
    copied = shutil.copytree(folder, tmp_path / "model")
    words = AutoTokenizer.from_pretrained(copied)
    words.pad_token = None if padding == "none" else words.convert_ids_to_tokens(300)
    words.save_pretrained(copied)
    other = find_model(str(copied), None, copied).open(COMPUTE)
    calls = [
        *call(n_tokens=30, stop=("\n", ",")).samples(6),
        *call(prompt="A long prompt about the weather. Topic:", n_tokens=30).samples(6),
        call(continuation=" rain, snow"),
    ]
    expected, found = answered(local, calls), answered(other, calls)
    other.close()
    for one, two in zip(expected, found, strict=True):
        assert (one.text, one.n_tokens, one.finish) == (two.text, two.n_tokens, two.finish)
        assert one.logprob == pytest.approx(two.logprob, rel=1e-4)


@pytest.mark.parametrize(
    ("limits", "drawn"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"temperature": 0.5}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.7}, [0, 3]),  # the two likeliest have 0.74 together
        ({"top_k": 3}, [0, 1, 3]),
        ({"min_p": 0.3}, [0, 1, 3]),  # 0.41 and 0.74 of the likeliest; the next has 0.18
        ({"min_p": 0.3, "temperature": 2.5}, [0, 1, 3]),  # limits come before the temperature
        ({"top_k": 3, "top_p": 0.7}, [0, 3]),
    ],
)
def test_seeded_draws_follow_the_softmax(limits, drawn):
    """Over many seeds, tokens are drawn as often as temperature and limits say, others never."""
    logits = torch.tensor([1.2, 0.3, -0.5, 0.9, -3.0])
    sampling = Sampling(1, **{"temperature": 1.0, "top_k": 0, "min_p": 0.0, **limits})
    calls = [Call("x", "", sampling, seed) for seed in range(4000)]
    chosen = SeededSampling(calls, 5)(torch.zeros(4000, 1), logits.repeat(4000, 1)).argmax(1)
    kept = torch.full_like(logits, -torch.inf)
    kept[drawn] = logits[drawn]
    expected = (kept / sampling.temperature).double().softmax(0)
    seen = np.bincount(chosen.numpy(), minlength=5)
    there = expected.numpy() > 0
    assert seen[~there].sum() == 0
    assert stats.chisquare(seen[there], 4000 * expected.numpy()[there]).pvalue > 1e-4


def test_a_continuation_is_scored_as_the_model_would_write_it(local):
    """The log-probability is the sum over its tokens, each after all before it."""
    prompt, continuation = "Topic: weather\nSubtopics:", " rain, snow"
    (answer,) = answered(local, [call(prompt, continuation=continuation)])
    tokenizer, model = local._tokenizer, local._model
    ids = tokenizer(prompt + continuation)["input_ids"]
    n_prompt = len(tokenizer(prompt)["input_ids"])
    expected = 0.0
    for at in range(n_prompt, len(ids)):
        with torch.no_grad():
            logits = model(torch.tensor([ids[:at]])).logits[0, -1]
        expected += float(logits.log_softmax(-1)[ids[at]])
    assert answer.logprob == pytest.approx(expected, rel=1e-4)
    assert answer.n_tokens == len(ids) - n_prompt


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "array", "items": {"enum": ["qx", "zk"]}, "maxItems": 2}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_a_schema_is_enforced_on_any_model(local):
    """A model that never saw JSON writes what fits the schema; unconstrained it never does."""
    assert local.traits.honours_schema
    for answer in answered(local, call(n_tokens=100, stop=(), schema=SCHEMA).samples(6)):
        assert answer.finish == "stop"
        assert set(json.loads(answer.text)["n"]) <= {"qx", "zk"}
    for answer in answered(local, call(n_tokens=100).samples(6)):
        assert not answer.text.lstrip().startswith("{")


def test_a_prompt_that_is_too_long_is_refused_in_words(local):
    """Nothing is cut in silence: the answer says that the model reads fewer tokens."""
    (answer,) = answered(local, [call(prompt="rain " * 2000)])
    assert isinstance(answer, Refusal)
    assert "512" in answer.words


@pytest.mark.slow
def test_a_gguf_file_through_transformers_is_the_model_that_audits_know(tmp_path):
    """Converted for the other engine, the embedded model has the digest that an audit of it has."""
    found = find_model("builtin:smollm2", None, tmp_path, Engine.TRANSFORMERS)
    assert found.identity.backend == "transformers"
    assert found.identity.sha256 == weights_digest(resolve_model("builtin:smollm2", tmp_path))
    assert found.identity != find_model("builtin:smollm2", None, tmp_path).identity
