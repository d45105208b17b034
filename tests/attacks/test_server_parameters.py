"""What a server is asked for: what it refuses is left out, and the limits of a run hold."""

from __future__ import annotations

import json

import pytest
from support.model_calls import answered, call
from support.scripted_server import HONEST, decompress, refusing

from assay.core.specs.model_calls import Answer

pytestmark = pytest.mark.usefixtures("quick_tries")


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
