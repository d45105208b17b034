"""A small decompression file with known content, written by the store's own writer."""

from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np
from support.sealed_once import sealed_once

from assay.cache.decompressions.files import Contents, seal
from assay.cache.files.claims import as_claimed
from assay.core.decompress.examples.generation import Example
from assay.core.decompress.examples.heuristic_grades import heuristic_grades
from assay.core.decompress.examples.quality_flags import flag_examples
from assay.core.decompress.table_rows import followed_by
from assay.core.decompress.tree.tree import Link, Topic
from assay.core.specs.decompression import (
    HEURISTIC_JUDGE,
    Axis,
    DecompressionSpec,
    Difficulty,
    ParseOutcome,
    Stop,
    Style,
)
from assay.core.specs.model_calls import Answer, Call, Sampling
from assay.core.specs.plain import to_plain
from assay.core.specs.results.decompression import DecompressionResult

HOSTILE = "<script>alert(1)</script> [link](http://evil) $x$ `code` **bold**"
_RESPONSES = (
    "A violin is made of spruce and maple, and its sound depends on the thickness of both.",
    "A violin is made of spruce and maple, and its sound depends on the thickness of both.",
    "Drums are tuned by the tension of their heads, which differs from one drum to the next.",
    HOSTILE,
)


def _topics():
    return [
        Topic(0, None, "All human knowledge", 0, n_seen=2, n_new=2),
        Topic(1, 0, "music", 1, 14, 16, 2, 2, None, 2.5, 0.62, 0.98),
        Topic(2, 0, "cooking <b>", 1, 3, 16, 0, 0, None, 0.2, 0.04, 0.46),
        Topic(3, 1, "violin making", 2, 9, 16, None, None, Stop.DEPTH, 1.7, 0.3, 0.8),
        Topic(4, 1, "drums", 2, 2, 16, None, None, Stop.DEPTH, None, 0.02, 0.38),
    ]


def _columns(rows):
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(rows[0])}


JUDGE = "tiny-judge (0123456789ab)"


def _judged(examples, calls):
    """Grades of a judge that could not be read on the last example, and what it is worth."""
    rows = {"example_id": [], "axis": [], "score": [], "judge": [], "call_key": []}
    for example in examples:
        call = Call("judging", f"Grade {example.example_id}", Sampling(48), example.example_id)
        calls.append((call, Answer("helpfulness 4", "stop", 60, 5, 0.5)))
        for at, axis in enumerate(Axis):
            rows["example_id"].append(example.example_id)
            rows["axis"].append(axis)
            rows["score"].append(None if example is examples[-1] else float(at))
            rows["judge"].append(JUDGE)
            rows["call_key"].append(call.key)
    facts = {
        "label": JUDGE,
        "name": "tiny-judge",
        "sha256": "01" * 32,
        "is_weights_hash": True,
        "n_graded": len(examples),
        "n_unreadable": 1,
        "control": {"n_pairs": 4, "n_higher": 2, "n_lower": 1, "low": 0.09, "high": 0.99},
    }
    return rows, facts


@sealed_once
def write_sample_decompression(
    store,
    decompression_id="sample",
    is_server=False,
    n_parameters=134_515_008,
    n_examples=4,
    is_judged=False,
    responses=_RESPONSES,
    unanswered=(),
    refuses=(),
    **spec,
):
    """Five topics, four examples of which two are equal and one hostile, and their calls; or an
    example a response. ``unanswered``: what the server said instead of answers, ``refuses``: the
    parameters it refused. ``spec``: fields of its DecompressionSpec."""
    calls, examples = [], []
    for number, response in enumerate(responses[:n_examples]):
        call = Call("examples", f"Prompt {number}", Sampling(220), number)
        calls.append((call, Answer(f"raw output {number} {response}", "stop", 60, 20, 0.5, -9.0)))
        topic_id = (3, 3, 4, 2)[number] if number < 4 else number + 1
        style = tuple(Style)[number % 4]
        examples.append(
            Example(
                number,
                topic_id,
                style,
                Difficulty.EASY,
                f"Task {number}?",
                "Because.",
                response,
                response != HOSTILE,
                False,
                call.key,
            )
        )
    more = [Topic(number + 1, 1, f"topic {number}", 2) for number in range(4, n_examples)]
    tables = {"topics": _columns([*_topics(), *more])}
    link = Link(2, 1, "musics", 4, None)
    tables["topic_links"] = {"link_id": [0], **_columns([link])}
    if examples:
        marks = flag_examples(examples)
        tables["examples"], tables["marks"] = _columns(examples), _columns(marks)
        tables["grades"] = _columns(
            heuristic_grades(examples, lambda texts: np.ones((len(texts), 1), np.float32))
        )
        if is_judged:
            rows, judge = _judged(examples, calls)
            tables["grades"] = followed_by(tables["grades"], rows)
        tables["calls"] = _call_columns(calls, n_unread=1 if is_judged else 0)
    asked = DecompressionSpec(**spec)
    meta = {
        "title": "Sample decompression",
        "created_at": "2026-11-01T10:00:00+00:00",
        "spec": to_plain(asked),
        "prompting": "lines",
        "model": {
            "name": "tiny",
            "sha256": "ab" * 32,
            "is_weights_hash": not is_server,
            "n_parameters": None if is_server else n_parameters,
            "backend": "llama.cpp",
        },
        "traits": {"honours_seed": True, "refuses": list(refuses)},
        "unanswered_words": list(unanswered),
        "judges": [judge] if is_judged else [],
        "headline_judge": JUDGE if is_judged else HEURISTIC_JUDGE,
        "counts": {
            "n_topics": 4,
            "n_links": 1,
            "n_examples": len(examples),
            "n_flagged": 2 if examples else 0,
            "n_calls": len(calls),
            "n_tokens": 80 * len(calls),
            "n_unanswered": len(unanswered),
        },
        "support_lines": {"votes": 0.25, "contrast": 0.5},
        "provenance": {"assay_version": "0.1.0"},
    }
    return seal(store, decompression_id, Contents(as_claimed(DecompressionResult, meta), tables))


def _call_columns(calls, n_unread):
    rows = []
    for position, (call, answer) in enumerate(calls):
        own = asdict(call)
        rows.append(
            {
                "position": position,
                "call_key": call.key,
                "rung": ParseOutcome.FAILED
                if position >= len(calls) - n_unread
                else ParseOutcome.LINES,
                **{name: own[name] for name in ("stage", "prompt", "is_chat", "schema", "seed")},
                "sampling": "{}",
                "continuation": None,
                "sample_index": 0,
                "attempt": 0,
                **asdict(answer),
                "answered_at": 0.0,
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}
