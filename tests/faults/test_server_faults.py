"""Servers that fail for a while: runs wait and go on, and answers that came are never lost."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import pytest
from support.model_calls import answered, call
from support.scripted_server import Scripted, decompress

from assay.cache.decompressions.journal import Journal, journal_path
from assay.cache.store import Store
from assay.core.decompress.backends import openai_server, served
from assay.core.decompress.backends.openai_server import ServerBackend
from assay.core.decompress.backends.patience import Patience
from assay.core.decompress.backends.rate_limit import AdaptiveLimit
from assay.core.decompress.backends.served import identify
from assay.core.decompress.unanswered import Unanswered
from assay.core.errors import AssayError
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.model_calls import Answer, Call, Refusal, Sampling

QUICK = Patience(4, 2, 0.01, 0.05)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The same kind of waits as always, shorter."""
    monkeypatch.setattr(openai_server, "PATIENCE", QUICK)
    monkeypatch.setattr(served, "PATIENCE", QUICK)


def run(assay, address, *more):
    return decompress(assay, address, "--depth", 2, *more)


def journalled():
    found = {}
    for path in Store.default().journals.glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as journal:
            found |= dict(journal.execute("SELECT call_key, answered_at FROM calls"))
    return found


def test_a_server_that_dies_in_a_run_loses_no_answer(assay, scripted, monkeypatch):
    """It ends the run with status 1 and says that the command goes on; that asks only what is
    missing, and gives what an undisturbed run gives."""
    one = scripted()
    whole = json.loads(run(assay, one.address, "--store", Store.default().root / "w").out)
    real, n_left = Scripted.fault_of, [40]

    def dies(self, path, body):
        n_left[0] -= 1
        return (503, b"gone fishing", {}) if n_left[0] < 0 else real(self, path, body)

    monkeypatch.setattr(Scripted, "fault_of", dies)
    result = run(assay, one.address)
    assert result.status == 1
    assert "gone fishing" in result.err
    assert "continue" in result.err or "same command" in result.err
    before = journalled()
    assert 0 < len(before) < whole["n_calls"]
    monkeypatch.setattr(Scripted, "fault_of", real)
    out = json.loads(run(assay, one.address).out)
    assert out["n_asked"] == whole["n_calls"] - len(before)
    assert {key: journalled()[key] for key in before} == before
    assert (out["n_topics"], out["n_calls"]) == (whole["n_topics"], whole["n_calls"])
    assert out["n_unanswered"] == 0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 524, 529])
def test_a_fault_that_passes_is_waited_for(scripted, status):
    """Three failures of one request and then an answer: it is the answer that counts. The control:
    of a bad request one is enough, and it is asked once more at most."""
    one = scripted()
    backend = ServerBackend(one.address, identify(one.address, None))
    left = [3]

    def fails(path, body):
        left[0] -= 1
        return (status if left[0] >= 0 else 200, {"error": "later"}, {}) if left[0] >= 0 else None

    one.fault_of = fails
    (answer,) = answered(backend, [call()])
    assert isinstance(answer, Answer)
    one.fault_of = lambda path, body: (400, {"error": "never"}, {})
    before = len(one.requests)
    (refusal,) = answered(backend, [call()])
    assert "never" in refusal.words
    assert len(one.requests) - before == 2
    backend.close()


def test_a_list_of_models_that_fails_for_a_while_is_waited_for(scripted):
    """Overloaded at the very first request, the server is asked again."""
    one = scripted(models=(529, {"error": "later"}, {}))
    with pytest.raises(AssayError, match="later"):
        identify(one.address, None)
    assert len(one.seen) == QUICK.n_tries
    del one.faults["models"]
    assert identify(one.address, None).name == "scripted"


def test_one_sample_that_is_refused_costs_no_other(scripted, monkeypatch):
    """Of four samples asked for together one has no text: the three others are answers."""
    one = scripted()
    backend = ServerBackend(one.address, identify(one.address, None))
    real = Scripted.choice

    def silent(self, body, index, path):
        choice = real(self, body, index, path)
        return {**choice, "text": ""} if index == 2 else choice

    monkeypatch.setattr(Scripted, "choice", silent)
    found = answered(backend, call().samples(4))
    assert [isinstance(a, Answer) for a in found] == [True, True, False, True]
    # A group that is refused as a whole is asked one by one.
    one.fault_of = lambda path, body: (400, {"error": "n"}, {}) if "n" in body else None
    found = answered(backend, call(seed=50).samples(4))
    assert sum(isinstance(a, Answer) for a in found) == 4
    backend.close()


def test_a_request_that_hangs_does_not_hold_the_others(scripted):
    """Closing does not wait for a server that never answers."""
    one = scripted()
    backend = ServerBackend(one.address, identify(one.address, None), timeout_s=60)
    one.faults |= {"refusals": 1, "hangs_s": 60}
    batches, n_came = backend.answer([call(seed=10 * i) for i in range(6)]), 0
    while n_came < 5:  # answers that come together come in one batch
        n_came += len(next(batches))
    backend.close()
    backend._pool.shutdown(wait=True)
    assert one.n_in_flight == 1  # the server has not answered yet


def test_nobody_waits_at_a_closed_limit():
    """Who waits for a server's Retry-After is let go when the run ends."""
    limit = AdaptiveLimit(1, 1)
    limit.refused(60)
    limit.close()
    start = time.monotonic()
    with limit.slot():
        assert time.monotonic() - start < 30


def test_refusals_that_an_earlier_version_kept_are_asked_again(tmp_path):
    """A journal with refusals and empty answers among its answers gives only the answers, and takes
    new ones in their place."""
    store = Store(tmp_path)
    calls = [Call("topics", f"Prompt {n}", Sampling(5), n) for n in range(4)]
    sound = Answer("rain", "stop", 1, 1, 0.1)
    with Journal(store, "ab" * 32, "run") as journal:
        journal.begin({})
        journal.keep([(call, sound) for call in calls])
    with closing(sqlite3.connect(journal_path(store, "ab" * 32))) as connection:
        for finish, text, n in (("refused", "no", 0), ("stop", "", 1), ("stop", " \n", 2)):
            connection.execute(
                "UPDATE calls SET finish = ?, text = ? WHERE call_key = ?",
                [finish, text, calls[n].key],
            )
        connection.commit()
    with Journal(store, "ab" * 32, "run") as journal:
        journal.begin({})
        assert set(journal.find(calls)) == {calls[3].key}
        journal.keep([(calls[0], sound)])
        assert set(journal.find(calls)) == {calls[0].key, calls[3].key}


def test_failures_are_counted_before_they_end_a_run():
    """A few of many are borne; all at first, all of several prompts at once, or a fifth of all are
    not."""

    def counted(*groups):
        found = Unanswered("it", SilentProgress())
        for group in groups:
            found.count(group)
        return found.n_refused

    yes, no = ("a", Answer("x", "stop", 1, 1, 0.0)), ("a", Refusal("tea"))
    spread = [(str(n), Refusal("tea")) for n in range(4)]
    assert counted([yes] * 20, [no] * 5) == 5
    assert counted([yes], [no] * 3) == 3
    for groups in ([[no]], [[yes] * 100, spread], [[yes] * 4, [no] * 4], [[no] * 40]):
        with pytest.raises(AssayError, match="tea"):
            counted(*groups)
    assert counted([yes] * 100, [*spread, yes]) == 4
