"""Servers that refuse, lie, flood or hang: what they say is never taken for an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model_calls import answered, call
from support.scripted_server import HONEST, TEA, Scripted, decompress, kept

from assay.cache.decompressions.journal import read_running
from assay.cache.store import Store
from assay.core.decompress.backends.openai_format import Garbled, answers
from assay.core.decompress.backends.words import quoted, refusal_words
from assay.core.specs.model_calls import Answer, Refusal

pytestmark = pytest.mark.usefixtures("quick_tries")


def choice_of(**message):
    return {"choices": [{"index": 0, "finish_reason": "length", "message": message}]}


HTML = b"<html><title>Bad gateway</title><body>out of cups of tea</body></html>"
NO_ANSWERS = {
    "overloaded": (529, TEA, {}),
    "proxy": (520, HTML, {}),
    "bad request": (400, TEA, {}),
    "unprocessable": (422, {"detail": [{"loc": ["body"], "msg": "out of cups of tea"}]}, {}),
    "an error in a 200": (200, TEA, {}),
    "an error of vLLM in a 200": (200, {"object": "error", "message": "out of cups of tea"}, {}),
    "HTML in a 200": (200, HTML, {}),
    "thoughts": (200, choice_of(content=None, reasoning_content="out of cups of tea"), {}),
    "a refusal": (200, choice_of(content="", refusal="out of cups of tea"), {}),
    "silence": (200, choice_of(content=""), {}),
    "blanks": (200, choice_of(content=" \n\t"), {}),
    "nothing": (200, b"", {}),
    "no choices": (200, {"choices": [], "note": "out of cups of tea"}, {}),
    "not JSON's numbers": (200, b'{"choices": NaN, "n": "out of cups of tea"}', {}),
    "a crash": (500, b"out of cups of tea", {}),
}
WORDLESS = {
    "silence": "without text",
    "blanks": "without text",
    "nothing": "without an explanation",
}


@pytest.mark.parametrize("asked_for", [None, "lists"])
@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_what_is_no_answer_is_never_kept_as_one(assay, scripted, kind, asked_for):
    """From the first request on, or after all went well until the lists: the server's own words,
    status 1, nothing journalled, nothing sealed."""
    faults = {"asked_for": asked_for} if asked_for else {}
    refuses = scripted(answers=NO_ANSWERS[kind], **faults)
    result = decompress(assay, refuses.address)
    assert result.status == 1, result.err
    last = result.err.splitlines()[-1]
    assert WORDLESS.get(kind, "out of cups of tea") in last
    assert len(last) < 2000
    assert kept() == ([], [])


def test_healed_the_server_is_asked_again(assay, scripted):
    """What was refused is asked by the same command once the server answers, and then sealed."""
    one = scripted(answers=NO_ANSWERS["an error in a 200"], asked_for="lists")
    assert decompress(assay, one.address).status == 1
    del one.faults["answers"]
    result = decompress(assay, one.address)
    assert result.status == 0, result.err
    out = json.loads(result.out)
    texts, sealed = kept()
    assert out["n_topics"] > 0
    assert out["n_asked"] == out["n_calls"] == len(texts)
    assert [str(path) for path in sealed] == [out["path"]]


def test_answers_that_name_no_topic_seal_nothing(assay, scripted, monkeypatch):
    """Lists that came and say nothing that two of them share end in words, not in an empty tree;
    nothing is left to be continued."""

    def numbers(self, body, index, path):
        return {"index": index, "text": f" {{}}, {body['seed']}."}

    monkeypatch.setattr(Scripted, "choice", numbers)
    result = decompress(assay, scripted(drops_n=1).address, "--samples", 3)
    assert result.status == 1
    assert "No topic was found" in result.err
    assert "the first list is {}, " in result.err
    assert kept()[1] == []
    assert read_running(Store.default()) == []


def test_a_compressed_reply_is_not_unpacked(connected):
    """None was asked for, and it could be a bomb."""
    one, backend = connected()
    one.faults["answers"] = (200, b"\x1f\x8b" + b"0" * 40, {"Content-Encoding": "gzip"})
    (refusal,) = answered(backend, [call()])
    assert "compressed" in refusal.words


EVIL = "\x1b[31m\u202eevil\x00\n" * 3


def test_hostile_words_are_made_safe(connected):
    """A server's words are one bounded line of printable characters."""
    _, backend = connected(answers=(400, {"error": EVIL + "x" * 10**6}, {}), asked_for="lists")
    (refusal,) = answered(backend, [call()])
    assert "evil" in refusal.words
    assert refusal.words.isprintable()
    assert len(refusal.words) < 600


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.integers(100, 999))
def test_any_refusal_has_words(body, status):
    """Whatever the body is, its words are printable, bounded and name the status."""
    words = refusal_words(status, body)
    assert words.isprintable()
    assert str(status) in words
    assert len(words) < 600


@given(st.text())
def test_quoted_is_printable_and_bounded(text):
    """Any text can be quoted, and one that is safe already stays as it is."""
    assert quoted(text).isprintable()
    assert len(quoted(text)) <= 400
    assert quoted("out of tea, 3 < 4") == "out of tea, 3 < 4"


def test_an_answer_much_longer_than_allowed_is_none(connected):
    """A hundred thousand words to a question that allows twelve tokens are not read."""
    one, backend = connected()
    one.faults["answers"] = (200, {"choices": [{"text": "rain " * 10**5}]}, {})
    (refusal,) = answered(backend, [call()])
    assert "500,000 characters" in refusal.words


def test_half_a_character_is_replaced(connected):
    """A lone surrogate, which JSON allows and no file holds, does not break the run."""
    one, backend = connected()
    one.faults["answers"] = (200, b'{"choices": [{"text": "rain \\ud800, snow"}]}', {})
    (answer,) = answered(backend, [call()])
    assert answer.text == "rain ?, snow"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "text", "content", "index"]), inner, max_size=4)
    ),
    max_leaves=12,
)
LOGPROBS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "content": st.lists(st.fixed_dictionaries({"token": JSON, "logprob": JSON}), max_size=3),
        "tokens": JSON,
        "token_logprobs": JSON,
    },
)
CHOICE = JSON | st.fixed_dictionaries(
    {},
    optional={
        "index": JSON,
        "text": JSON,
        "message": JSON | st.fixed_dictionaries({"content": JSON}),
        "finish_reason": JSON,
        "logprobs": JSON | LOGPROBS,
    },
)
REPLY = st.fixed_dictionaries(
    {},
    optional={
        "choices": JSON | st.lists(CHOICE, max_size=3),
        "usage": JSON | st.fixed_dictionaries({"completion_tokens": JSON, "prompt_tokens": JSON}),
        "error": JSON,
    },
)


@settings(max_examples=400)
@given(REPLY, st.integers(1, 2), st.booleans())
def test_any_reply_is_answers_or_garbled(reply, n, is_scored):
    """Of whatever JSON comes back, what is taken for an answer has a text, finite numbers and the
    right types; all else is refused or Garbled, and nothing else is raised."""
    calls = [call(continuation=" rain")] if is_scored else call().samples(n)
    try:
        found = answers(calls, reply, 1.0, HONEST)
    except Garbled:
        return
    assert len(found) == len(calls)
    for one in found:
        if isinstance(one, Refusal):
            assert one.words.isprintable()
            continue
        assert isinstance(one.text, str)
        assert one.text.strip() or is_scored
        one.text.encode()
        assert 0 < one.n_tokens < 2**31 or is_scored
        assert 0 < one.n_prompt_tokens < 2**31
        assert one.logprob is None or abs(one.logprob) < float("inf")


def test_an_answer_cannot_be_a_refusal():
    """The type forbids what the journal must never hold."""
    with pytest.raises(ValueError, match="refused"):
        Answer("no", "refused", 0, 0, 0.0)
    assert Answer("yes", "stop", 0, 0, 0.0).text == "yes"
