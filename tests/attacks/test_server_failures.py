"""Servers that fail or hang: tries and waits are bounded, and failures are counted and told."""

from __future__ import annotations

import json
import time

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_calls import answered, call
from support.scripted_server import TEA, decompress, kept

from assay.core.decompress.backends import connection, openai_server
from assay.core.decompress.backends.patience import Patience
from assay.core.errors import AssayError
from assay.core.specs.model_calls import Refusal

pytestmark = pytest.mark.usefixtures("quick_tries")


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
    assert time.monotonic() - start < 60


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
    assert time.monotonic() - start < 60


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
