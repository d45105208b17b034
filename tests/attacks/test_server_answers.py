"""Servers that refuse, lie, flood or hang: what they say is never taken for an answer."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, suppress

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model_calls import answered, call
from support.scripted_server import Scripted, refusing

from assay.cache.store import Store
from assay.core.decompress.backends import connection, openai_server, served
from assay.core.decompress.backends.base import Scoring, Traits
from assay.core.decompress.backends.openai_format import Garbled, answers
from assay.core.decompress.backends.openai_server import ServerBackend, identify
from assay.core.decompress.backends.patience import Patience
from assay.core.decompress.backends.words import quoted, refusal_words
from assay.core.errors import AssayError, InputError
from assay.core.specs.addresses import read_address, without_password
from assay.core.specs.model_calls import Answer, Refusal

QUICK = Patience(first_wait_s=0.01, longest_wait_s=0.05)
HONEST = Traits(True, True, True, True, True, True, Scoring.ECHO, True)
PASSWORD = "hunter2-and-more"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The same tries as always, with shorter waits between them."""
    monkeypatch.setattr(openai_server, "PATIENCE", QUICK)
    monkeypatch.setattr(served, "PATIENCE", Patience(3, 2, 0.01, 0.05))


@pytest.fixture
def scripted():
    started = []

    def start(**faults):
        started.append(Scripted(**faults))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def connected(scripted):
    opened = []

    def start(timeout_s=5.0, **faults):
        one = scripted(**faults)
        opened.append(ServerBackend(one.address, identify(one.address, None), timeout_s))
        return one, opened[-1]

    yield start
    for backend in opened:
        backend.close()


def decompress(assay, address, *more):
    small = ("--samples", 6, "--expansion", 3, "--depth", 1, "--examples", 1)
    fixed = ("--prompting", "lines", "--precision", "fp32", "--json")
    return assay("decompress", "--model", address, *small, *fixed, *more)


def kept():
    """Journalled texts, and sealed files, of the default store."""
    store, texts = Store.default(), []
    for path in store.journals.glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as journal:
            texts += [text for (text,) in journal.execute("SELECT text FROM calls")]
    return texts, list(store.decompressions.glob("*.duckdb"))


def choice_of(**message):
    return {"choices": [{"index": 0, "finish_reason": "length", "message": message}]}


HTML = b"<html><title>Bad gateway</title><body>out of cups of tea</body></html>"
TEA = {"error": {"message": "out of cups of tea", "type": "server_error"}}
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
    """Lists that came and say nothing that two of them share end in words, not in an empty tree."""

    def numbers(self, body, index, path):
        return {"index": index, "text": f" {{}}, {body['seed']}."}

    monkeypatch.setattr(Scripted, "choice", numbers)
    result = decompress(assay, scripted(drops_n=1).address, "--samples", 3)
    assert result.status == 1
    assert "No topic was found" in result.err
    assert "the first list is {}, " in result.err
    assert kept()[1] == []


def test_single_failures_are_retried_then_counted(assay, scripted):
    """Of a run, a few questions that are refused under every seed are left out and said; the file
    holds the answers alone, and every topic counts the lists that came."""
    broken = scripted(fails=(2, 16, (500, TEA, {})), drops_n=1)
    result = decompress(assay, broken.address, "--samples", 30, "--min-votes", 3)
    assert result.status == 0, result.err
    out = json.loads(result.out)
    assert "out of cups of tea" in result.err
    assert f"{out['n_unanswered']:,} of " in result.err
    assert out["n_unanswered"] > 0
    with duckdb.connect(out["path"], read_only=True) as sealed:
        ((n_calls, n_empty),) = sealed.execute(
            "SELECT count(*), count(*) FILTER (trim(text) = '' AND continuation IS NULL) FROM calls"
        ).fetchall()
        n_samples = {n for (n,) in sealed.execute("SELECT n_samples FROM topics").fetchall()}
        said = sealed.execute("SELECT value FROM meta WHERE key = 'unanswered_words'").fetchone()
    assert (n_calls, n_empty) == (out["n_calls"], 0)
    assert max(n_samples) <= 30
    assert "out of cups of tea" in said[0]


def test_too_many_failures_end_the_run(assay, scripted):
    """Where half of the questions are refused under every seed, nothing is sealed; what was
    answered is kept, and is not asked again."""
    broken = scripted(fails=(11, 16, (422, TEA, {})), drops_n=1)
    result = decompress(assay, broken.address, "--samples", 30)
    assert result.status == 1
    assert "out of cups of tea" in result.err
    texts, sealed = kept()
    assert texts
    assert sealed == []
    del broken.faults["fails"]
    before = len(broken.requests)
    out = json.loads(decompress(assay, broken.address, "--samples", 30).out)
    assert out["n_unanswered"] == 0
    with duckdb.connect(out["path"], read_only=True) as file:
        used = [text for (text,) in file.execute("SELECT text FROM calls").fetchall()]
    # Some of what was kept were second attempts, which a healthy server never needs.
    n_kept = sum(text in used for text in texts)
    assert out["n_asked"] == out["n_calls"] - n_kept
    assert n_kept > len(texts) / 2
    assert len(broken.requests) > before


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize(
    ("names", "sent_instead"),
    [
        (("max_tokens",), {"max_completion_tokens"}),
        (("seed",), set()),
        (("max_tokens", "seed"), {"max_completion_tokens"}),
    ],
)
def test_a_refused_parameter_is_left_out_or_renamed(connected, names, sent_instead, is_named):
    """Whether the refusal names the parameter or not, the questions that follow do without it, and
    it is noted; everything else is still asked for."""
    one, backend = connected(refuses=refusing(*names, is_named=is_named))
    assert set(backend.traits.refuses) == set(names)
    assert backend.traits.honours_seed == ("seed" not in names)
    before = len(one.requests)
    assert all(isinstance(a, Answer) for a in answered(backend, call().samples(4)))
    sent = set(one.requests[-1][1])
    assert len(one.requests) > before
    assert not sent & set(names)
    assert sent >= sent_instead | {"temperature", "top_p", "stop"}


@pytest.mark.parametrize("name", ["logprobs", "top_k", "n", "response_format", "temperature"])
def test_what_a_server_refuses_with_an_error_is_not_asked_for(connected, name):
    """A parameter refused by an error is dropped like one ignored in silence; an honest server
    keeps all of them (the control)."""
    one, backend = connected(refuses=refusing(name))
    assert len(answered(backend, call().samples(4))) == 4
    assert name not in one.requests[-1][1]
    honest, backend = connected()
    answered(backend, call().samples(4))
    assert backend.traits == HONEST
    assert {"logprobs", "top_k", "n", "seed", "max_tokens"} <= set(honest.requests[-1][1])


def test_the_base_path_is_found_by_trying(scripted):
    """With /v1 or without, in the address or not, and with a question's path copied behind it."""
    for base in ("", "/v1"):
        one = scripted(base=base)
        for end in ("", "/", "/v1", "/v1/", "/v1/chat/completions"):
            identity = identify(one.address + end, None)
            assert identity.backend == f"server at {one.address}{base}"
            backend = ServerBackend(one.address + end, identity)
            assert isinstance(answered(backend, [call()])[0], Answer)
            backend.close()
    with pytest.raises(InputError, match="nothing/v1"):
        identify(scripted(base="/api").address + "/nothing", "scripted")


def test_a_list_of_models_is_not_needed_where_one_is_named(scripted):
    """A server without /models serves the model that is named; without one the option is named."""
    for base in ("", "/v1"):
        one = scripted(models=(404, {"detail": "Not Found"}), base=base)
        identity = identify(one.address, "mine")
        assert (identity.name, identity.backend) == ("mine", f"server at {one.address}{base}")
        backend = ServerBackend(one.address, identity)
        assert isinstance(answered(backend, [call()])[0], Answer)
        backend.close()
        with pytest.raises(InputError, match="--served-model"):
            identify(one.address, None)


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_key_names_its_variable(assay, scripted, monkeypatch, status):
    """Refused for want of a key, at the list of models or at the first question, the run says which
    variable it goes into; a key that the server repeats is shown nowhere."""
    key = "sk-0123456789abcdef"
    monkeypatch.setenv("ASSAY_API_KEY", key)
    said = (status, {"error": {"message": f"Incorrect API key provided: {key}"}})
    for faults in ({"models": said}, {"answers": (*said, {})}):
        one = scripted(**faults)
        result = decompress(assay, one.address)
        assert result.status in (1, 2)
        assert "ASSAY_API_KEY" in result.err or status == 403
        assert str(status) in result.err
        assert key not in result.err + _everything_in(Store.default().root)
        assert one.seen[0][1]["Authorization"] == f"Bearer {key}"  # the control: it was sent


def test_a_key_that_no_header_holds_is_refused_unseen(assay, scripted, monkeypatch):
    """A line break in the key ends the run before anything is sent, without showing the key."""
    monkeypatch.setenv("ASSAY_API_KEY", "sk-secret\nX-Evil: 1")
    one = scripted()
    result = decompress(assay, one.address)
    assert result.status == 2
    assert "ASSAY_API_KEY" in result.err
    assert "sk-secret" not in result.err
    assert one.seen == []


def _everything_in(root):
    files = [path for path in root.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.parametrize("ending", ["well", "badly"])
def test_a_password_in_an_address_is_never_kept(assay, scripted, ending):
    """It goes to the server in its header, and into no file, message, name or job."""
    faults = {} if ending == "well" else {"answers": (400, {"error": f"no {PASSWORD}"}, {})}
    one = scripted(**faults)
    address = one.address.replace("http://", f"http://me:{PASSWORD}@")
    result = decompress(assay, address, "--judge", address)
    assert (result.status == 0) == (ending == "well")
    assert one.seen[0][1]["Authorization"].startswith("Basic ")
    store = Store.default().root
    assert one.address in _everything_in(store)  # the control: the rest of it is there
    for text in (result.out, result.err, _everything_in(store)):
        assert PASSWORD not in text
        assert "me:" not in text or ending == "badly"


def test_a_password_is_not_queued(assay, scripted):
    """What is queued is kept until it runs: an address with a password is refused there."""
    address = f"http://me:{PASSWORD}@127.0.0.1:9"
    result = decompress(assay, address, "--queue")
    assert result.status == 2
    assert PASSWORD not in result.err + _everything_in(Store.default().root)


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{PASSWORD}@host:port",
        f"http://me:{PASSWORD}/x@host",
        f"http://me:{PASSWORD}@",
        f"http://me:{PASSWORD}@host/v1?key={PASSWORD}",
        f"http://host/v1?key={PASSWORD}",
        f"http://host/v1#{PASSWORD}",
        f"http://me:{PASSWORD}@ho st",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(assay, address):
    """Whatever is wrong with it, of a model or of a judge, the sentence and the store show no
    password."""
    for words in (("--model", address), ("--judge", address)):
        result = assay("decompress", *words)
        assert result.status == 2
        assert "address" in result.err
        assert PASSWORD not in result.err + _everything_in(Store.default().root)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_credentials_are_left_in_an_address(user, password, rest):
    """Whatever stands before the last @ of an address is left out, and nothing of other words."""
    user, password = ("".join(part.split()) for part in (user, password))
    shown = without_password(f"http://{user}:{password}@host/{''.join(rest.split())}")
    assert "@" not in shown.split("/", 3)[2]
    assert without_password(f"{rest} no address") == f"{rest} no address"


@given(st.text())
def test_an_address_is_read_or_refused(text):
    """Nothing but InputError is raised, and what is read has no credentials in its base."""
    for address in (f"http://{text}", f"https://a:b@{text}"):
        with suppress(InputError):
            assert "@" not in read_address(address).base


def test_the_wait_that_a_server_asks_for_is_bounded(connected):
    """Retry-After is honoured up to a bound, whatever it says; then the run ends in words."""
    for said in ("1e12", "inf", "999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert Patience().wait_s(0, said) == Patience().longest_wait_s
    assert Patience().wait_s(0, "7") == 7
    for said in ("nan", "soon", "", "Fri, 99 Dec 9999", None):
        assert Patience().wait_s(1, said) == 1.0
    assert Patience().wait_s(0, "-5") == 0
    one, backend = connected()
    one.faults["answers"] = (429, {"error": "slow down"}, {"Retry-After": "1e12"})
    start = time.monotonic()
    (refusal,) = answered(backend, [call()])
    assert "slow down" in refusal.words
    assert time.monotonic() - start < 5


@given(st.text())
def test_any_wait_is_one(header):
    """Whatever a header says, the wait is between nothing and the longest."""
    assert 0 <= Patience().wait_s(2, header) <= Patience().longest_wait_s


@pytest.mark.parametrize("kind", ["bytes", "body", "headers"])
def test_a_reply_without_end_is_given_up(connected, monkeypatch, kind):
    """A flood, a body and headers that drip each end within the tries' time, in words."""
    monkeypatch.setattr(openai_server, "PATIENCE", Patience(2, 1, 0.01, 0.05))
    one, backend = connected(timeout_s=1.0)
    one.faults["streams"] = kind
    start = time.monotonic()
    (refusal,) = answered(backend, [call()])
    assert isinstance(refusal, Refusal)
    assert "within 1 s" in refusal.words or f"{connection.MOST_BYTES:,} bytes" in refusal.words
    assert time.monotonic() - start < 6


def test_a_compressed_reply_is_not_unpacked(connected):
    """None was asked for, and it could be a bomb."""
    one, backend = connected()
    one.faults["answers"] = (200, b"\x1f\x8b" + b"0" * 40, {"Content-Encoding": "gzip"})
    (refusal,) = answered(backend, [call()])
    assert "compressed" in refusal.words


def test_a_redirect_is_not_followed(assay, scripted):
    """Another host is named in the refusal and gets no request."""
    other = scripted()
    for faults in (
        {"models": (302, {}, {"Location": other.address})},
        {"answers": (307, {}, {"Location": other.address})},
    ):
        result = decompress(assay, scripted(**faults).address)
        assert result.status == 2
        assert other.address in result.err
    assert other.seen == []


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


def test_a_budget_of_tokens_holds_without_usage(assay, scripted):
    """A server that counts nothing is counted: the run ends after about the same questions as with
    one that counts right, and not never."""
    one = scripted(drops_usage=1, drops_logprobs=1)
    wide = ("--depth", 3, "--samples", 6, "--examples", 3)
    free = json.loads(decompress(assay, one.address, *wide).out)
    held = json.loads(decompress(assay, one.address, *wide, "--budget-tokens", 3000).out)
    assert free["n_tokens"] > 2 * 3000
    # The wave that crosses the line is finished: four topics of six lists of about 150 tokens.
    assert 3000 <= held["n_tokens"] < 3000 + 4 * 6 * 200
    assert held["n_calls"] < free["n_calls"]


def test_the_temperature_is_that_of_the_lists(assay, scripted):
    """As its help says: lists are drawn at it, examples at 0.7, and judged at 0."""
    one = scripted()
    result = decompress(assay, one.address, "--temperature", "1.7", "--judge", one.address)
    assert result.status == 0, result.err
    found = {}
    for _, body, _ in one.requests:
        prompt = body.get("prompt", "")
        if body.get("echo") or body.get("grammar"):
            continue
        for end in ("Subtopics:", "Reasoning:", "Grades:"):
            if prompt.endswith(end):
                found.setdefault(end, set()).add(body["temperature"])
    assert found["Subtopics:"] == {1.7}
    assert found["Reasoning:"] == {0.7}
    assert found["Grades:"] <= {0.0, 0.7}  # an unreadable grade is drawn anew
    help_text = " ".join(assay("decompress", "--help").out.replace("│", " ").split())
    assert "lists of subtopics" in help_text


def test_a_budget_that_reaches_no_list_is_refused(assay, scripted):
    """Fewer calls than the first lists take would seal a tree of nothing: the least is named."""
    one = scripted()
    refused = decompress(assay, one.address, "--budget-calls", 7)
    assert refused.status == 2
    assert "--budget-calls of at least 12" in refused.err
    assert decompress(assay, one.address, "--budget-calls", 12).status == 0


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


@settings(max_examples=400, deadline=None)
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


def test_questions_that_crash_a_living_server_are_refused_alone(connected):
    """Three in a row that stay unanswered end nothing where the server still answers others."""
    one, backend = connected()
    one.faults |= {"answers": (500, TEA, {}), "asked_for": "lists"}
    found = answered(backend, [call(seed=10 * i) for i in range(8)])
    assert all(isinstance(a, Refusal) and "out of cups of tea" in a.words for a in found)


def test_three_requests_in_a_row_without_an_answer_end_the_run(connected):
    """A server that is overloaded for good is not asked thousands of questions six times each."""
    one, backend = connected()
    one.faults["answers"] = (529, TEA, {})
    before = len(one.requests)
    with pytest.raises(AssayError, match="out of cups of tea"):
        answered(backend, [call(seed=10 * i) for i in range(400)])
    assert len(one.requests) - before < 100
