"""Servers over real HTTP: what they honour, and what they do when refused."""

from __future__ import annotations

import math
import time
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from support.decompression_file import write_sample_decompression
from support.model_calls import COMPUTE, answered, call
from support.scripted_server import HONEST, Scripted

from assay.cache.decompressions.answers import read_list_answers
from assay.cache.decompressions.files import Contents, read_contents, seal
from assay.cache.decompressions.journal import Journal
from assay.cache.store import Store
from assay.core.decompress.backends.base import Scoring
from assay.core.decompress.backends.connection import API_KEY_VARIABLE
from assay.core.decompress.backends.find import find_model
from assay.core.decompress.backends.openai_server import ServerBackend
from assay.core.decompress.backends.rate_limit import AdaptiveLimit
from assay.core.decompress.backends.seeded_sampling import _likely
from assay.core.decompress.backends.served import identify
from assay.core.decompress.budget import Budget
from assay.core.decompress.client import ModelClient
from assay.core.decompress.parsing import read_names
from assay.core.decompress.tree.expansion import count_votes, list_calls, names_reader
from assay.core.decompress.validation import check_samples_differ
from assay.core.errors import AssayError, InputError
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.decompression import DecompressionSpec, Engine, Prompting
from assay.core.specs.model_calls import Answer, Call, Refusal, Sampling


def test_an_honest_server_is_found_honest(connected):
    """A server that honours everything is found to, and its samples come in one request."""
    server, backend = connected()
    traits = backend.traits
    assert traits == HONEST
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
        ("drops_top_k", "honours_top_k"),
        ("no_completions", "has_raw_prompts"),
    ],
)
def test_what_a_server_drops_in_silence_is_noticed(connected, fault, trait):
    """Each thing dropped is found, nothing else is blamed, and every call is still answered."""
    server, backend = connected(**{fault: 1})
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
    is_limited = "top_k" in server.requests[-1][1]
    assert is_limited == (fault != "drops_top_k")
    # ScalarLM's own default is 16 tokens: how many are wanted is always said.
    assert all("max_tokens" in body for _, body, _ in server.requests)


def asked_for_lists(backend, store):
    """Sixteen samples of one list, read through the journal; and how many had to be asked."""
    calls = list_calls(("Weather",), DecompressionSpec(), Prompting.LINES, "topics")
    with Journal(store, "ab" * 32, "run") as journal:
        journal.begin({"title": "x"})
        runner = ModelClient(backend, journal, SilentProgress(), Budget())
        found = runner.read(calls, names_reader(Prompting.LINES, runner))
        return found, journal.used_calls(), runner.budget.n_asked


def test_samples_of_a_server_that_repeats_itself_are_told_apart(connected):
    """Each sample goes out under a mark that the journal has, and is answered anew, once."""
    _, backend = connected(repeats=1)
    assert backend.traits.repeats_answers
    assert backend.traits.is_told_apart_by_mark
    check_samples_differ(DecompressionSpec(), backend.traits)
    store = Store.default()
    found, used, n_asked = asked_for_lists(backend, store)
    assert len({answer.text for _, answer, _ in found}) == n_asked == 16
    assert used["prompt"] == [call.prompt for call, _, _ in found]
    assert all(f"(No. {call.seed})\n\n" in call.prompt for call, _, _ in found)
    meta = read_contents(write_sample_decompression(store)).meta
    sealed = seal(store, "marked", Contents(meta, {"calls": used}))
    asked = list_calls(("Weather",), DecompressionSpec(), Prompting.LINES, "topics")
    read = {(own.prompt, own.sample_index, own.text) for own in read_list_answers(sealed)}
    assert read == {
        (call.prompt, call.sample_index, answer.text)
        for call, (_, answer, _) in zip(asked, found, strict=True)
    }
    again, _, n_asked_again = asked_for_lists(backend, store)
    assert (again, n_asked_again) == (found, 0)
    # Without marks all samples are one answer, and another seed's as well.
    plain = answered(backend, call().samples(8))
    assert len({answer.text for answer in plain}) == 1


def test_an_honest_server_is_asked_without_marks(connected):
    """Where seeds are honoured a prompt is asked word for word."""
    _, backend = connected()
    found, _, _ = asked_for_lists(backend, Store.default())
    assert not any("(No." in call.prompt for call, _, _ in found)


def test_a_server_that_cannot_be_made_to_differ_is_refused(connected):
    """Where marks change nothing, samples would agree on everything: a list of one is allowed."""
    _, backend = connected(repeats="last words")
    assert not backend.traits.is_told_apart_by_mark
    with pytest.raises(InputError, match="--samples 1"):
        check_samples_differ(DecompressionSpec(), backend.traits)
    check_samples_differ(DecompressionSpec(n_samples=1, min_votes=1), backend.traits)


def test_a_continuation_is_scored_by_echo(connected):
    """Of the tokens that come back, those within the continuation count, and no drawn one."""
    _, backend = connected()
    (answer,) = answered(backend, [call(prompt="abcdef", continuation="ghijkl")])
    assert answer.logprob == pytest.approx(-0.5)
    assert answer.n_tokens == 2


def test_retry_after_is_obeyed(connected):
    """Refused with a wish to wait, no request goes out before, and all are answered in the end."""
    server, backend = connected()
    server.faults["refusals"], server.n_refusals = 2, 0
    before = len(server.requests)
    start = time.monotonic()
    answers = answered(backend, [call(seed=100 * i) for i in range(6)])
    assert len(answers) == 6
    assert time.monotonic() - start >= 1.0
    times = sorted(at for _, _, at in server.requests[before:])
    assert len(times) == 8
    assert max(np.diff(times)) > 0.7


def test_a_hanging_request_is_asked_again(connected):
    """A request beyond the timeout is given up and repeated; the answer is the second one's."""
    server, backend = connected(timeout_s=0.5)
    server.faults |= {"refusals": 1, "hangs_s": 2}
    (answer,) = answered(backend, [call()])
    assert answer.text == " word3, thing0"


def test_a_server_that_forbids_ends_the_run(connected):
    """A missing key is said at once, with the variable it goes into, and not asked again a thousand
    times; a bad request is a refusal in the server's words."""
    server, backend = connected()
    server.faults["status"] = 401
    with pytest.raises(AssayError, match=f"{API_KEY_VARIABLE}.*401"):
        answered(backend, [call()])
    server.faults["status"] = 400
    (answer,) = answered(backend, [call()])
    assert answer == Refusal("status 400: no", 400)


def test_the_limit_grows_under_answers_and_halves_under_refusals(connected):
    """Concurrency rises by about one a round and falls by half; a burst counts once. Until the
    first refusal it doubles each round, as long as it is small."""
    limit = AdaptiveLimit(4, 64)
    for _ in range(100):
        limit.answered()
    grown = limit.limit
    assert grown == math.isqrt(16 + 200)
    for _ in range(5):
        limit.refused(0.0)
    assert limit.limit == grown // 2
    quick = AdaptiveLimit(4, 64, quickly_until=32)
    for _ in range(4 + 8):
        quick.answered()
    assert quick.limit == 16
    quick.refused(0.0)
    for _ in range(8):
        quick.answered()
    assert quick.limit == 8
    server, backend = connected(delay_s=0.2)
    answered(backend, [call(seed=10 * i) for i in range(100)])
    assert 12 < server.most_in_flight <= 40


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


@pytest.mark.slow
def test_engines_draw_alike(smollm2, tmp_path):
    """llama.cpp draws the tokens that transformers' probabilities and our limits leave, about as
    often as they say; without limits it draws others as well."""
    local = find_model("builtin:smollm2", None, tmp_path, Engine.TRANSFORMERS).open(COMPUTE)
    prompt, n = "Ten fields of science: 1.", 300
    ids = local._tokenizer(prompt, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        logits = local._model(input_ids=ids).logits[0, -1].float()

    def chances(**limits):
        sampling = Sampling(1, 1.0, **limits)
        shares = _likely(logits, sampling).softmax(-1)
        names = {at: local._tokenizer.decode(at) for at in shares.nonzero()[:, 0]}
        found = {name: float(shares[at]) for at, name in names.items() if name.strip()}
        return {name: share / sum(found.values()) for name, share in found.items()}

    def drawn(**limits):
        first = Call("x", prompt, Sampling(1, 1.0, **limits), 7)
        # A blank alone is no answer.
        answers = answered(smollm2, first.samples(n))
        return Counter(one.text for one in answers if isinstance(one, Answer))

    ours, wider = chances(), chances(top_k=50, min_p=0.04)
    with_limits, without = drawn(), drawn(top_k=0, min_p=0.0)
    # Its weights are quantised and its arithmetic is not float32's: at the edge one more may pass.
    assert set(with_limits) <= set(wider)
    assert len(set(without) - set(wider)) > 20
    likeliest = max(ours, key=lambda name: ours[name])
    share = ours[likeliest]
    assert binomtest(with_limits[likeliest], with_limits.total(), share).pvalue > 1e-3
    assert binomtest(without[likeliest], without.total(), share).pvalue < 1e-3
    local.close()
