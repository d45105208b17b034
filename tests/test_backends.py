"""Backends under real models and real HTTP: what they honour, and what they do when refused."""

from __future__ import annotations

import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_models import save_topic_model

from cache.answers import read_list_answers
from cache.decompressions import Contents, seal
from cache.home import Store
from cache.journal import Journal
from core.calls import Call, Sampling
from core.decompress.backends.limits import AdaptiveLimit
from core.decompress.backends.open import find_model
from core.decompress.backends.protocol import Scoring, Traits
from core.decompress.backends.sampling import SeededSampling
from core.decompress.backends.server import ServerBackend, identify
from core.decompress.budget import Budget
from core.decompress.checks import check_samples_differ
from core.decompress.grow import count_votes, list_calls, names_reader
from core.decompress.ladder import read_names
from core.decompress.runner import Runner
from core.decompression import DecompressionSpec, Engine, Prompting
from core.device import Compute
from core.errors import AssayError, InputError
from core.models.digests import weights_digest
from core.models.resolve import resolve_model
from core.progress import SilentProgress

COMPUTE = Compute("cpu", False, 1)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = save_topic_model(tmp_path_factory.mktemp("topics"))
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


def answered(backend, calls):
    found = {call.key: answer for part in backend.answer(calls) for call, answer in part}
    return [found[call.key] for call in calls]


def call(prompt="Topic: weather\nSubtopics:", seed=3, n_tokens=12, stop=("\n",), **more):
    return Call("topics", prompt, Sampling(n_tokens, 2.0, stop=stop), seed, **more)


def test_a_sample_depends_on_its_seed_alone(local):
    """Asked alone or among others of other lengths, a call gets the same answer."""
    calls = [*call().samples(8), call(prompt="Topic:", seed=90), call(prompt="A " * 40, seed=91)]
    together = answered(local, calls)
    alone = [answered(local, [one])[0] for one in calls]
    assert [a.text for a in alone] == [a.text for a in together]
    assert len({a.text for a in together[:8]}) > 4
    np.testing.assert_allclose([a.logprob for a in alone], [a.logprob for a in together], rtol=1e-3)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.7)])
def test_seeded_draws_follow_the_softmax(temperature, top_p):
    """Over many seeds, tokens are drawn as often as temperature and top-p say."""
    logits = torch.tensor([1.2, 0.3, -0.5, 0.9, -3.0])
    calls = [Call("x", "", Sampling(1, temperature, top_p), seed) for seed in range(4000)]
    chosen = SeededSampling(calls, 5)(torch.zeros(4000, 1), logits.repeat(4000, 1)).argmax(1)
    expected = (logits / temperature).double().softmax(0)
    if top_p < 1:
        expected[[1, 2, 4]] = 0  # the two likeliest already have 0.72 together
        expected /= expected.sum()
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
    assert answer.finish == "refused"
    assert "512" in answer.text


class Scripted:
    """A real HTTP server that speaks the dialect, with the faults it is told to have."""

    def __init__(self, **faults):
        self.faults, self.requests, self.n_refusals, self.said = faults, [], 0, {}
        self.lock, self.n_in_flight, self.most_in_flight = threading.Lock(), 0, 0
        handler = type("Handler", (_Handler,), {"script": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def has(self, fault):
        return self.faults.get(fault, 0)

    def choice(self, body, index, path):
        seed = 0 if self.has("drops_seed") else body["seed"] + index
        text = f" word{seed}, thing{seed % 3}"
        if self.has("repeats"):  # as ScalarLM: what was answered to these words before
            words = json.dumps([body.get("prompt"), body.get("messages")])
            if self.has("repeats") == "last words":
                words = words[-20:]
            text = self.said.setdefault(words, f" word{len(self.said)}, thing")
        if "response_format" in body and not self.has("drops_schema"):
            text = '{"code": "qx-71-vrrn"}'
        tokens = text.split(" ")[1:]
        logprobs = None
        if body.get("logprobs") and not self.has("drops_logprobs"):
            logprobs = {"tokens": tokens, "token_logprobs": [-0.5] * len(tokens)}
            if body.get("echo"):
                prompt = body["prompt"]
                pieces = [prompt[at : at + 3] for at in range(0, len(prompt), 3)]
                logprobs["tokens"] = [*pieces, " more"]
                logprobs["token_logprobs"] = [None, *[-0.25] * (len(pieces) - 1), -9.0]
        said = {"message": {"content": text}} if "chat" in path else {"text": text}
        return {"index": index, "finish_reason": "stop", "logprobs": logprobs, **said}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(200, {"data": [{"id": "scripted", "created": time.time()}]})

    def do_POST(self):
        script = self.script
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with script.lock:
            script.requests.append((self.path, body, time.monotonic()))
            script.n_in_flight += 1
            script.most_in_flight = max(script.most_in_flight, script.n_in_flight)
            is_refused = script.n_refusals < script.has("refusals")
            script.n_refusals += is_refused
        try:
            time.sleep(script.has("delay_s"))
            if is_refused and script.has("hangs_s"):
                time.sleep(script.has("hangs_s"))
            elif is_refused:
                return self.reply(429, {"error": "busy"}, {"Retry-After": "1"})
            elif script.has("status"):
                return self.reply(script.has("status"), {"error": "no"})
            elif script.has("no_completions") and not self.path.endswith("chat/completions"):
                return self.reply(404, {"error": "no such path"})
            n = 1 if script.has("drops_n") else body.get("n", 1)
            choices = [script.choice(body, index, self.path) for index in range(n)]
            usage = {"prompt_tokens": 7, "completion_tokens": 5 * n}
            return self.reply(200, {"choices": choices, "usage": usage})
        finally:
            with script.lock:
                script.n_in_flight -= 1

    def reply(self, status, content, headers=()):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(data)
        except BrokenPipeError:
            self.close_connection = True


@pytest.fixture
def scripted():
    servers, backends = [], []

    def start(timeout_s=5.0, **faults):
        servers.append(Scripted(**faults))
        address = servers[-1].address
        backends.append(ServerBackend(address, identify(address, None), timeout_s))
        return servers[-1], backends[-1]

    yield start
    for backend in backends:
        backend.close()
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


def test_an_honest_server_is_found_honest(scripted):
    """A server that honours everything is found to, and its samples come in one request."""
    server, backend = scripted()
    traits = backend.traits
    assert traits == Traits(True, True, True, True, True, True, Scoring.ECHO, False)
    before = len(server.requests)
    texts = [a.text for a in answered(backend, call().samples(4))]
    assert len(server.requests) == before + 1
    assert texts == [f" word{seed}, thing{seed % 3}" for seed in range(3, 7)]


@pytest.mark.parametrize(
    ("fault", "trait"),
    [
        ("drops_n", "honours_n"),
        ("drops_logprobs", "honours_logprobs"),
        ("drops_schema", "honours_schema"),
        ("drops_seed", "honours_seed"),
        ("no_completions", "has_raw_prompts"),
    ],
)
def test_what_a_server_drops_in_silence_is_noticed(scripted, fault, trait):
    """Each thing dropped is found, nothing else is blamed, and every call is still answered."""
    server, backend = scripted(**{fault: 1})
    assert not getattr(backend.traits, trait)
    assert backend.traits.repeats_answers == (fault == "drops_seed")
    others = {"honours_n", "honours_schema", "has_chat"} - {trait}
    assert all(getattr(backend.traits, other) for other in others)
    calls = call(is_chat=fault == "no_completions").samples(4)
    assert len(answered(backend, calls)) == 4
    if fault == "drops_n":
        assert sum("n" in body for _, body, _ in server.requests) == 1  # the probe's own
    if fault == "drops_logprobs":
        assert backend.traits.scoring is None
    # ScalarLM's own default is 16 tokens: how many are wanted is always said.
    assert all("max_tokens" in body for _, body, _ in server.requests)


def asked_for_lists(backend, store):
    """Sixteen samples of one list, read through the journal; and how many had to be asked."""
    calls = list_calls(("Weather",), DecompressionSpec(), Prompting.LINES, "topics")
    with Journal(store, "ab" * 32, "run") as journal:
        journal.begin({"title": "x"})
        runner = Runner(backend, journal, SilentProgress(), Budget())
        found = runner.read(calls, names_reader(Prompting.LINES, runner))
        return found, journal.used_calls(), runner.budget.n_asked


def test_samples_of_a_server_that_repeats_itself_are_told_apart(scripted):
    """Each sample goes out under a mark that the journal has, and is answered anew, once."""
    _, backend = scripted(repeats=1)
    assert backend.traits.repeats_answers
    assert backend.traits.is_told_apart_by_mark
    check_samples_differ(DecompressionSpec(), backend.traits)
    store = Store.default()
    found, used, n_asked = asked_for_lists(backend, store)
    assert len({answer.text for _, answer, _ in found}) == n_asked == 16
    assert used["prompt"] == [call.prompt for call, _, _ in found]
    assert all(f"(No. {call.seed})\n\n" in call.prompt for call, _, _ in found)
    sealed = seal(store, "marked", Contents({}, {"calls": used}))
    asked = list_calls(("Weather",), DecompressionSpec(), Prompting.LINES, "topics")
    read = {(row["prompt"], row["sample_index"], row["text"]) for row in read_list_answers(sealed)}
    assert read == {
        (call.prompt, call.sample_index, answer.text)
        for call, (_, answer, _) in zip(asked, found, strict=True)
    }
    again, _, n_asked_again = asked_for_lists(backend, store)
    assert (again, n_asked_again) == (found, 0)
    # Without marks all samples are one answer, and another seed's as well.
    plain = answered(backend, call().samples(8))
    assert len({answer.text for answer in plain}) == 1


def test_an_honest_server_is_asked_without_marks(scripted):
    """Where seeds are honoured a prompt is asked word for word."""
    _, backend = scripted()
    found, _, _ = asked_for_lists(backend, Store.default())
    assert not any("(No." in call.prompt for call, _, _ in found)


def test_a_server_that_cannot_be_made_to_differ_is_refused(scripted):
    """Where marks change nothing, samples would agree on everything: a list of one is allowed."""
    _, backend = scripted(repeats="last words")
    assert not backend.traits.is_told_apart_by_mark
    with pytest.raises(InputError, match="--samples 1"):
        check_samples_differ(DecompressionSpec(), backend.traits)
    check_samples_differ(DecompressionSpec(n_samples=1, min_votes=1), backend.traits)


def test_a_continuation_is_scored_by_echo(scripted):
    """Of the tokens that come back, those within the continuation count, and no drawn one."""
    _, backend = scripted()
    (answer,) = answered(backend, [call(prompt="abcdef", continuation="ghijkl")])
    assert answer.logprob == pytest.approx(-0.5)
    assert answer.n_tokens == 2


def test_retry_after_is_obeyed(scripted):
    """Refused with a wish to wait, no request goes out before, and all are answered in the end."""
    server, backend = scripted()
    server.faults["refusals"], server.n_refusals = 2, 0
    before = len(server.requests)
    start = time.monotonic()
    answers = answered(backend, [call(seed=100 * i) for i in range(6)])
    assert len(answers) == 6
    assert time.monotonic() - start >= 1.0
    times = sorted(at for _, _, at in server.requests[before:])
    assert len(times) == 8
    assert max(np.diff(times)) > 0.7


def test_a_hanging_request_is_asked_again(scripted):
    """A request beyond the timeout is given up and repeated; the answer is the second one's."""
    server, backend = scripted(timeout_s=0.5)
    server.faults |= {"refusals": 1, "hangs_s": 2}
    (answer,) = answered(backend, [call()])
    assert answer.text == " word3, thing0"


def test_a_server_that_forbids_ends_the_run(scripted):
    """A missing key is said at once, not asked again a thousand times; a bad request is kept."""
    server, backend = scripted()
    server.faults["status"] = 401
    with pytest.raises(AssayError, match="401"):
        answered(backend, [call()])
    server.faults["status"] = 400
    (answer,) = answered(backend, [call()])
    assert answer.finish == "refused"
    assert "400" in answer.text


def test_the_limit_grows_under_answers_and_halves_under_refusals(scripted):
    """Concurrency rises by about one a round and falls by half; a burst counts once."""
    limit = AdaptiveLimit(4, 64)
    for _ in range(100):
        limit.answered()
    grown = limit.limit
    assert grown == math.isqrt(16 + 200)
    for _ in range(5):
        limit.refused(0.0)
    assert limit.limit == grown // 2
    server, backend = scripted(delay_s=0.02)
    answered(backend, [call(seed=10 * i) for i in range(60)])
    assert 4 <= server.most_in_flight <= 12


def test_an_address_without_a_server_is_a_bad_input():
    """No server, and a model it does not serve, are said in one sentence."""
    with pytest.raises(InputError, match="OpenAI-compatible"):
        identify("http://127.0.0.1:9", None)
    server = Scripted()
    with pytest.raises(InputError, match="scripted"):
        identify(server.address, "another")
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory):
    backend = find_model("builtin:smollm2", None, tmp_path_factory.mktemp("converted")).open(
        COMPUTE
    )
    yield backend
    backend.close()


@pytest.mark.slow
def test_a_gguf_file_through_transformers_is_the_model_that_audits_know(tmp_path):
    """Converted for the other engine, the embedded model has the digest that an audit of it has."""
    found = find_model("builtin:smollm2", None, tmp_path, Engine.TRANSFORMERS)
    assert found.identity.backend == "transformers"
    assert found.identity.sha256 == weights_digest(resolve_model("builtin:smollm2", tmp_path))
    assert found.identity != find_model("builtin:smollm2", None, tmp_path).identity


@pytest.mark.slow
def test_a_real_server_answers_as_the_model_in_this_process(smollm2):
    """SmolLM2 behind xllamacpp's HTTP server honours what it does in process, word for word."""
    address = smollm2._server.listening_address
    backend = ServerBackend(address, identify(address, None))
    try:
        assert backend.traits == smollm2.traits
        assert backend.traits.scoring is Scoring.GRAMMAR
        calls = list_calls(("Mathematics",), DecompressionSpec(), Prompting.LINES, "topics")[:8]
        over_http, in_process = answered(backend, calls), answered(smollm2, calls)
        assert [a.text for a in over_http] == [a.text for a in in_process]
        lists = [read_names(a.text, False, False, False)[0] for a in over_http]
        votes = dict(count_votes(lists, "Mathematics"))
        assert {"algebra", "geometry", "calculus"} & {name.lower() for name in votes}
        scored = [call(prompt=calls[0].prompt, continuation=f" {w}") for w in ("algebra", "soup")]
        likely, unlikely = answered(backend, scored)
        assert likely.logprob > unlikely.logprob + 2
    finally:
        backend.close()
