"""Decompressions of models whose knowledge is known exactly, drawn anew with each seed."""

from __future__ import annotations

import numpy as np
from support.sealed_once import sealed_once

from assay.cache.decompressions.files import Contents, seal
from assay.cache.files.claims import as_claimed
from assay.core.decompress import prompts
from assay.core.decompress.tree.expansion import count_votes
from assay.core.decompress.tree.made_up_names import nonsense_words
from assay.core.decompress.tree.support import N_NONSENSE_TOPICS
from assay.core.specs.decompression import Axis, DecompressionSpec
from assay.core.specs.plain import to_plain
from assay.core.specs.results.decompression import DecompressionResult

FIELDS = ("music", "cooking", "weather", "sailing craft", "chess", "geology")
# Chance that a list names a subtopic, of each of the fields' six.
CHANCES = (0.9, 0.8, 0.6, 0.5, 0.4, 0.2)
MODEL_A, MODEL_B = "ab" * 32, "cd" * 32
_N_PLACES = 6
WORDS = ("sailors", "cooks", "players", "singers", "farmers", "miners", "walkers", "riders")
# Of a made-up topic: much, and none of it often.
_NOTHING = {f"anything {n}": 0.06 for n in range(80)}


def knowledge(**changed):
    """What a model names: chances by name, by the path of the question; ``changed`` by field."""
    known = {(): dict.fromkeys(FIELDS, 0.8)}
    for field in FIELDS:
        names = [f"{field} {word}" for word in ("one", "two", "three", "four", "five", "six")]
        known[field,] = dict(zip(names, CHANCES, strict=True))
    return known | {(name.replace("_", " "),): chances for name, chances in changed.items()}


# A model that lost, gained, moved and holds less of a topic each.
CHANGED = knowledge(
    music={**knowledge()["music",], "music one": 0.0, "music seven": 0.95},
    chess={**knowledge()["chess",], "chess two": 0.0},
    geology={**knowledge()["geology",], "geology one": 0.2},
    weather={**knowledge()["weather",], "music one": 0.9},
)


@sealed_once
def write_run(
    store,
    run_id,
    known,
    seed,
    sha256=MODEL_A,
    respond=lambda topic, rng: f"{topic} is known, as {rng.choice(WORDS)} {rng.choice(WORDS)} say.",
    line=0.25,
    quality=lambda topic, rng: 2 + rng.normal() / 4,
    answer_seed=None,
    backend="llama.cpp",
    **spec,
):
    """Seal a run of a model with this knowledge: lists drawn, votes counted, two levels, and an
    example of every topic."""
    asked = DecompressionSpec(seed=seed, expansion=(_N_PLACES,), **spec)
    rng = np.random.default_rng(seed if answer_seed is None else answer_seed)
    calls, topics, examples, grades = [], [(0, None, prompts.ROOT_NAME, 0, 0, 0)], [], []
    waiting = [((), 0)]
    for path, parent in waiting:
        lists = [_drawn(known[path], rng) for _ in range(asked.n_samples)]
        calls += _calls(path, lists, len(calls))
        votes = count_votes(lists, path[-1] if path else prompts.ROOT_NAME)
        for name, n_votes in [one for one in votes if one[1] >= asked.min_votes][:_N_PLACES]:
            topics.append((len(topics), parent, name, len(path) + 1, n_votes, asked.n_samples))
            if len(path) + 1 < asked.depth and (*path, name) in known:
                waiting.append(((*path, name), topics[-1][0]))
    for word in nonsense_words(N_NONSENSE_TOPICS, seed):
        lists = [_drawn(_NOTHING, rng) for _ in range(asked.n_samples)]
        calls += _calls((word,), lists, len(calls))
    expanded = {topic_id for _, topic_id in waiting}
    for topic_id, _, name, *_ in topics[1:]:
        examples.append((topic_id - 1, topic_id, name, respond(name, rng)))
        grades.append((topic_id - 1, quality(name, rng)))
    meta = {
        "title": f"Run {run_id}",
        "created_at": "2026-11-01T10:00:00+00:00",
        "spec": to_plain(asked),
        "prompting": "lines",
        "model": {
            "name": f"model {sha256[:2]}",
            "sha256": sha256,
            "is_weights_hash": True,
            "n_parameters": 134_515_008,
            "backend": backend,
        },
        "traits": {},
        "judges": [],
        "headline_judge": "heuristic",
        "counts": dict.fromkeys(
            ("n_topics", "n_links", "n_examples", "n_flagged", "n_calls", "n_tokens"), 1
        ),
        "support_lines": {"votes": line, "contrast": None},
        "provenance": {"assay_version": "0.1.0"},
    }
    names = ("topic_id", "parent_id", "name", "level", "n_votes", "n_samples")
    tables = {
        "calls": _columns(calls),
        "topics": {
            **dict(zip(names, zip(*topics, strict=True), strict=True)),
            "n_seen": [_N_PLACES if one[0] in expanded else None for one in topics],
        },
        "examples": _columns([_example(*one) for one in examples]),
        "grades": {
            "example_id": [one for one, _ in grades],
            "axis": [str(Axis.HELPFULNESS)] * len(grades),
            "score": [score for _, score in grades],
            "judge": ["heuristic"] * len(grades),
        },
    }
    return seal(store, run_id, Contents(as_claimed(DecompressionResult, meta), tables))


def _drawn(chances, rng):
    named = [name for name, chance in chances.items() if rng.random() < chance]
    return [named[at] for at in rng.permutation(len(named))]


def _calls(path, lists, n_before):
    return [
        {
            "position": n_before + i,
            "call_key": f"{n_before + i}",
            "rung": "lines",
            "stage": "topics",
            "prompt": prompts.subtopics_as_lines(path),
            "is_chat": False,
            "sampling": "{}",
            "seed": i,
            "sample_index": i,
            "attempt": 0,
            "text": " " + ", ".join(names),
            "finish": "stop",
            "n_prompt_tokens": 1,
            "n_tokens": 1,
            "duration_s": 0.1,
            "answered_at": 0.0,
        }
        for i, names in enumerate(lists)
    ]


def _example(example_id, topic_id, name, response):
    return {
        "example_id": example_id,
        "topic_id": topic_id,
        "style": "question",
        "difficulty": "easy",
        "task": f"What is {name}?",
        "reasoning": "",
        "response": response,
        "is_readable": True,
        "is_cut": False,
        "call_key": "0",
    }


def _columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}
