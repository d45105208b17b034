"""The tables of a diff's file: one statement per table, a comment where a column needs one.

``pair`` is 0 for the two runs that are compared, and counts from 1 for pairs of runs of one of
their models, in the order of ``noise``. Paths are names joined by ' > '; the root's is empty.
"""

from __future__ import annotations

DIFF_SCHEMA_VERSION = 1

_WHICH = "row_id INTEGER PRIMARY KEY, pair INTEGER NOT NULL, "
_JUDGED = "p_value DOUBLE, q_value DOUBLE, is_reported BOOLEAN NOT NULL"

DIFF_TABLES = {
    # title, created_at, first, second, noise, topics, examples, support, quality, counts, caveats,
    # noise_command, provenance: one JSON value per key
    "meta": "key VARCHAR PRIMARY KEY, value JSON NOT NULL",
    # a topic under a question that both runs were asked; a name is empty if the run does not name
    # the topic; difference: second share of lists minus first; change: a Change; elsewhere: the
    # topic's path in the tree of the run that does not name it here
    "topics": f"""{_WHICH} question VARCHAR NOT NULL, first_name VARCHAR NOT NULL,
        second_name VARCHAR NOT NULL, first_votes INTEGER NOT NULL, second_votes INTEGER NOT NULL,
        n_lists INTEGER NOT NULL, difference DOUBLE NOT NULL, change VARCHAR NOT NULL,
        elsewhere VARCHAR, {_JUDGED}""",
    # two examples of one style and difficulty on one topic
    "examples": f"""{_WHICH} topic VARCHAR NOT NULL, style VARCHAR NOT NULL,
        difficulty VARCHAR NOT NULL, first_task VARCHAR NOT NULL, second_task VARCHAR NOT NULL,
        first_response VARCHAR NOT NULL, second_response VARCHAR NOT NULL, cosine DOUBLE NOT NULL,
        {_JUDGED}""",
    # a topic that both runs expanded; quantity: a Quantity; values: mean support of its best
    # subtopics over n lists, or mean grade of n examples; lines: the mean support of made-up
    # topics' best subtopics
    "branches": f"""{_WHICH} branch VARCHAR NOT NULL, quantity VARCHAR NOT NULL,
        first_value DOUBLE NOT NULL, second_value DOUBLE NOT NULL, n_first INTEGER NOT NULL,
        n_second INTEGER NOT NULL, first_line DOUBLE, second_line DOUBLE, {_JUDGED}""",
}
