"""Whatever a model says, and whatever a file says of itself, is read or refused, and in linear
time."""

from __future__ import annotations

import json
import time

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.decompression_file import write_sample_decompression

from assay.cache.decompressions.files import read_contents
from assay.cache.files.database import UnreadableFile
from assay.cache.store import Store
from assay.core.decompress import prompts
from assay.core.decompress.parsing import read_grades, read_names, read_object, read_parts
from assay.core.decompress.topic_names import clean, is_name, normal_form, split_list
from assay.core.errors import InputError
from assay.core.specs.decompression import (
    BEST_GRADE,
    Axis,
    DecompressionSpec,
    ParseOutcome,
    title_of,
)
from assay.core.specs.plain import from_plain, to_plain

AXES = [str(axis) for axis in Axis]
FIELDS = ("task", "reasoning", "response")
# Pieces that answers are made of, right and wrong.
PIECES = st.sampled_from(
    [
        *'[]{}",:;\\/`*#-.',
        *(
            "{",
            "[",
            '{"subtopics": [',
            '"task": ',
            "```json",
            "\n",
            " and ",
            "Reasoning:",
            "Answer:",
        ),
        *("helpfulness", " 4", "-1", "1e999", "NaN", "null", "true", "\ud800", "\x00", "、", "１"),
        *("rain", "snow", "a", "9" * 400, "\u202e", "กำ", "की", "雨"),
    ]
)
ANSWERS = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join) | st.text(max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*FIELDS, *AXES, "subtopics"]), inner, max_size=6)
    ),
    max_leaves=15,
)
SAID = ANSWERS | JSON.map(json.dumps)
MANY = settings(max_examples=300)


@MANY
@given(SAID, st.booleans(), st.booleans(), st.booleans())
def test_any_answer_is_read_as_names_or_not(text, is_json, is_enforced, is_cut):
    """Names are few short words each, different, and FAILED goes with none."""
    names, rung = read_names(text, is_json, is_enforced, is_cut)
    assert all(isinstance(name, str) and is_name(name) for name in names)
    assert len(set(names)) == len(names)
    assert isinstance(rung, ParseOutcome)
    assert (rung is ParseOutcome.FAILED) == (not names)


@MANY
@given(SAID, st.booleans())
def test_any_answer_is_an_object_or_not(text, is_enforced):
    """An object has every field, filled; all else is FAILED."""
    found, rung = read_object(text, FIELDS, is_enforced)
    assert (found is None) == (rung is ParseOutcome.FAILED)
    if found is not None:
        assert all(found[field] not in (None, "", [], {}) for field in FIELDS)


@MANY
@given(SAID)
def test_any_answer_has_its_parts_or_not(text):
    """Every part is a text with something in it, or there is none."""
    parts = read_parts(text, prompts.EXAMPLE_PARTS)
    assert parts is None or all(parts[label].strip() for label in prompts.EXAMPLE_PARTS)


@MANY
@given(SAID, st.booleans(), st.booleans())
def test_any_answer_is_grades_or_not(text, is_json, is_enforced):
    """Every axis has a whole number from 0 to 4, or there are no grades."""
    grades, rung = read_grades(text, AXES, BEST_GRADE, is_json, is_enforced)
    assert (grades is None) == (rung is ParseOutcome.FAILED)
    if grades is not None:
        assert set(grades) == set(AXES)
        assert all(type(grade) is int and 0 <= grade <= BEST_GRADE for grade in grades.values())


@MANY
@given(st.lists(st.sampled_from(["rain", "snow and ice", "fog", "雨"]), min_size=1, max_size=9))
def test_sound_answers_are_read_whole(names):
    """The control: names that are names come back, from JSON and from a plain list."""
    expected = list(dict.fromkeys(names))
    said = json.dumps({"subtopics": names})
    assert read_names(said, True, False, False) == (expected, ParseOutcome.STRICT)
    assert read_names(", ".join(names) + ", hail", False, False, False)[0][:-1] == [
        name for name in expected if name != "hail"
    ]


@MANY
@given(st.text(max_size=80))
def test_any_name_has_a_normal_form(name):
    """It is its own normal form up to a plural, and cleaning leaves no blanks around."""
    form = normal_form(name)
    assert form == " ".join(form.split())
    assert clean(name) == clean(name).strip()
    assert all(part == part.strip() for part in split_list(name))


GROWING = {
    "opened lists": "[",
    "opened objects": '{"a":',
    "lists of lists": "[[],",
    "quotes": '"',
    "backslashes": "\\",
    "fences": "```json",
    "letters": "a",
    "blanks": " ",
    "ands": "a and ",
    "blank lines": "\n",
    "stars": "*#\t",
    "numbers": "1.",
    "grades": "helpfulness 1.1.",
    "labels": "Answer:",
    "items": "1. ",
    "commas": ",",
    "broken strings": '{"a": "x" y',
}


@pytest.mark.parametrize("kind", GROWING)
def test_reading_takes_linear_time(kind):
    """A hundred thousand characters of anything take a moment: quadratic time would be minutes."""
    text = (GROWING[kind] * 10**5)[: 10**5]
    start = time.process_time()
    for is_json in (True, False):
        read_names(text, is_json, False, False)
        read_names('{"subtopics": ' + text, is_json, False, False)
        read_grades(text, AXES, BEST_GRADE, is_json, False)
        read_grades("a" + text, AXES, BEST_GRADE, is_json, False)
    for sized in (text, text[:19_000], text[:19_000] + '"}'):
        read_object(sized, FIELDS, False)
        read_parts("Reasoning" + sized, prompts.EXAMPLE_PARTS)
    assert time.process_time() - start < 8


PLAIN = to_plain(DecompressionSpec())


@MANY
@given(
    st.dictionaries(st.sampled_from([*PLAIN, "other"]), JSON, max_size=5),
    st.sets(st.sampled_from(list(PLAIN)), max_size=3),
)
def test_any_spec_is_read_or_refused(changes, left_out):
    """Of whatever a file says it was asked, a spec of the declared types is read, or InputError is
    raised; what was read can be written and named."""
    plain = {k: v for k, v in {**PLAIN, **changes}.items() if k not in left_out}
    try:
        spec = from_plain(DecompressionSpec, plain)
    except InputError:
        return
    assert all(isinstance(width, int) for width in spec.expansion)
    assert isinstance(spec.temperature, float)
    assert isinstance(title_of(spec), str)


@pytest.mark.parametrize("plain", [None, [], 3, "spec", {"depth": True}, {"styles": "code"}])
def test_what_is_no_spec_is_refused(plain):
    """Anything but an object of the right fields is a bad input; what was written is read (the
    control)."""
    with pytest.raises(InputError):
        from_plain(DecompressionSpec, plain)
    assert from_plain(DecompressionSpec, PLAIN) == DecompressionSpec()


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE meta",
        "DROP TABLE topics",
        "DELETE FROM meta",
        "UPDATE meta SET value = 'null' WHERE key = 'schema_version'",
        "UPDATE meta SET value = '999' WHERE key = 'schema_version'",
        "ALTER TABLE meta RENAME COLUMN value TO other",
        "ALTER TABLE meta ADD COLUMN third INTEGER",
        "CREATE OR REPLACE TABLE meta AS SELECT 'schema_version' AS key, 'x' AS value",
        "CREATE OR REPLACE TABLE meta AS SELECT 1 AS key, NULL AS value",
    ],
)
def test_a_file_of_another_form_is_refused(damage):
    """A decompression whose tables or facts are not ours is a bad input; an untouched one is read
    (the control)."""
    path = write_sample_decompression(Store.default())
    assert read_contents(path).tables["topics"]["name"]
    copy = path.with_name("damaged.duckdb")
    copy.write_bytes(path.read_bytes())
    with duckdb.connect(copy) as connection:
        connection.execute(damage)
    with pytest.raises((InputError, UnreadableFile)):
        read_contents(copy)
