"""The tables of a decompression file: one statement per table, with comments on columns."""

from __future__ import annotations

SCHEMA_VERSION = 3

TABLES = {
    # spec, title, created_at, model, traits, judges, headline_judge, counts, provenance: one JSON
    # value per key
    "meta": "key VARCHAR PRIMARY KEY, value JSON NOT NULL",
    # every question in the order of use, and its unchanged answer; sampling and schema are JSON;
    # rung: how the answer was parsed (ParseOutcome); logprob in nats, summed over tokens
    "calls": """position INTEGER PRIMARY KEY, call_key VARCHAR NOT NULL UNIQUE,
        rung VARCHAR NOT NULL, stage VARCHAR NOT NULL, prompt VARCHAR NOT NULL,
        is_chat BOOLEAN NOT NULL, sampling VARCHAR NOT NULL, schema VARCHAR,
        continuation VARCHAR, seed BIGINT NOT NULL, sample_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL, text VARCHAR NOT NULL, finish VARCHAR NOT NULL, logprob DOUBLE,
        n_prompt_tokens INTEGER NOT NULL, n_tokens INTEGER NOT NULL, duration_s DOUBLE NOT NULL,
        answered_at DOUBLE NOT NULL""",
    # the root has id 0 and no parent; n_votes of n_samples lists of the parent's subtopics name it;
    # n_seen, n_new: how many names its own expansion examined, and how many of these were new;
    # stop: why it was not expanded (Stop); contrast: how many nats per token likelier the name
    # is under its path than under a generic one; support_low, support_high: 95% interval of the
    # share of lists
    "topics": """topic_id INTEGER PRIMARY KEY, parent_id INTEGER, name VARCHAR NOT NULL,
        level INTEGER NOT NULL, n_votes INTEGER NOT NULL, n_samples INTEGER NOT NULL,
        n_seen INTEGER, n_new INTEGER, stop VARCHAR, contrast DOUBLE,
        support_low DOUBLE, support_high DOUBLE""",
    # a topic reached again from parent_id as `name`; cosine NULL if the normal forms are equal
    "topic_links": """link_id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL,
        topic_id INTEGER NOT NULL, name VARCHAR NOT NULL, n_votes INTEGER NOT NULL,
        cosine DOUBLE""",
    # the values of made-up topics: kind 'votes' (share of lists) or 'contrast' (nats per token)
    "null_support": """null_id INTEGER PRIMARY KEY, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
        parent_id INTEGER, value DOUBLE NOT NULL""",
    # response contains the whole answer if it could not be parsed
    "examples": """example_id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,
        style VARCHAR NOT NULL, difficulty VARCHAR NOT NULL, task VARCHAR NOT NULL,
        reasoning VARCHAR NOT NULL, response VARCHAR NOT NULL, is_readable BOOLEAN NOT NULL,
        is_cut BOOLEAN NOT NULL, call_key VARCHAR NOT NULL""",
    # mark: a QualityFlag, which also defines value's unit; flagged examples are not deleted
    "marks": """example_id INTEGER NOT NULL, mark VARCHAR NOT NULL, is_flagged BOOLEAN NOT NULL,
        value DOUBLE, detail VARCHAR NOT NULL, neighbour_id INTEGER,
        PRIMARY KEY (example_id, mark)""",
    # axis: an Axis; score 0 to 4, NULL if the judge cannot tell or its answer could not be parsed;
    # call_key: the judge model's answer
    "grades": """example_id INTEGER NOT NULL, axis VARCHAR NOT NULL, score DOUBLE,
        judge VARCHAR NOT NULL, call_key VARCHAR, PRIMARY KEY (example_id, axis, judge)""",
    # a judge's grades for the task of example_id with the response of another example
    "control_grades": """example_id INTEGER NOT NULL, response_of INTEGER NOT NULL,
        axis VARCHAR NOT NULL, score DOUBLE, judge VARCHAR NOT NULL, call_key VARCHAR NOT NULL,
        PRIMARY KEY (example_id, axis, judge)""",
}
