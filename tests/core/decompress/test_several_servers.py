"""One model on several servers: they share the calls, and a server that fails is done without."""

from __future__ import annotations

import json

import pytest
from support.model_calls import answered, call
from support.scripted_server import decompress, kept

from assay.core.decompress.backends.openai_server import ServerBackend
from assay.core.decompress.backends.served import identify
from assay.core.decompress.backends.several_servers import SeveralServers, opened
from assay.core.errors import AssayError, InputError

pytestmark = pytest.mark.usefixtures("quick_tries")
CALLS = [one for n in range(12) for one in call(f"Topic: {n}\nSubtopics:").samples(4)]


def backends(*servers):
    return (ServerBackend(one.address, identify(one.address, None), 5.0) for one in servers)


def questions(server):
    """What a server was asked besides probes."""
    return [(body["prompt"], body["seed"]) for _, body, _ in server.requests if "prompt" in body]


def test_a_run_over_two_servers_is_the_run_over_one(assay, scripted, monkeypatch, tmp_path):
    """The result has the same topics, examples and name; both servers worked, no question was
    asked twice, and the recorded command names both."""
    first, second = scripted(delay_s=0.01), scripted(delay_s=0.01)
    together = decompress(assay, first.address, "--also-at", second.address)
    assert together.status == 0, together.err
    texts, _ = kept()
    asked = [one for server in (first, second) for one in questions(server)]
    assert all(len(questions(server)) > 8 for server in (first, second))
    of_the_run = [one for one in asked if "Subtopics" in one[0]]
    assert len(of_the_run) == len(set(of_the_run)) > 0
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "alone"))
    alone = decompress(assay, first.address)
    said, other = json.loads(together.out), json.loads(alone.out)
    named = [one["decompression"] for one in (said, other)]
    assert named[0] == named[1]
    assert sorted(kept()[0]) == sorted(texts)


def test_a_server_that_fails_is_done_without(scripted):
    """When one stops answering in the middle, the other answers everything that is open, once."""
    first, second = scripted(delay_s=0.02), scripted(delay_s=0.02)
    with_both = opened(backends(first, second))
    found = {}
    try:
        for pairs in with_both.answer(CALLS):
            second.faults["status"] = 402
            for one, answer in pairs:
                assert one.key not in found
                found[one.key] = answer.text
        again = answered(with_both, CALLS[:8])
    finally:
        with_both.close()
    assert len(found) == len(CALLS)
    assert [one.text for one in again] == [found[one.key] for one in CALLS[:8]]


def test_no_server_left_ends_the_run(scripted):
    """When all have failed, the last one's words are the error."""
    first, second = scripted(), scripted()
    with_both = opened(backends(first, second))
    for one in (first, second):
        one.faults["status"] = 402
    with pytest.raises(AssayError, match="says"):
        answered(with_both, CALLS)
    with_both.close()


def test_servers_that_differ_are_refused(scripted):
    """Another model, or a server that drops what the other honours, would give other answers."""
    other = (200, {"data": [{"id": "another"}]})
    with pytest.raises(InputError, match="--also-at"):
        opened(backends(scripted(), scripted(models=other)))
    with pytest.raises(InputError, match="--also-at"):
        opened(backends(scripted(), scripted(drops_seed=1)))
    assert isinstance(opened(backends(scripted(), scripted())), SeveralServers)


@pytest.mark.parametrize(
    ("model", "also"), [("builtin:smollm2", "http://127.0.0.1:9"), ("http://127.0.0.1:9", "here")]
)
def test_other_servers_need_a_server(assay, model, also):
    """A model of this machine has no other servers, and another server is an address."""
    result = decompress(assay, model, "--also-at", also)
    assert result.status == 2
    assert "--also-at" in result.err
