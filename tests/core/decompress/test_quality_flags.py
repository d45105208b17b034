"""Marks of examples: what is flagged, what is not, and that neighbours are the right ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.decompress.examples.generation import Example
from assay.core.decompress.examples.heuristic_grades import heuristic_grades
from assay.core.decompress.examples.quality_flags import flag_examples, repetition
from assay.core.decompress.tree.made_up_names import nonsense_words
from assay.core.specs.decompression import Axis, Difficulty, QualityFlag, Style
from assay.core.stats.noise_floor import null_line

SOUND = (
    "Rain falls when water in a cloud has gathered into drops that are too heavy for the air to "
    "carry, which happens sooner in cold air."
)
OTHER = (
    "A violin is tuned in fifths from the lowest string to the highest, and the player checks "
    "each pair of strings with the bow."
)


def example(response, number=0, is_cut=False):
    return Example(
        number,
        1,
        Style.QUESTION,
        Difficulty.EASY,
        "What is rain?",
        "Steps.",
        response,
        True,
        is_cut,
        "key",
    )


def marks_of(*responses, **more):
    found = flag_examples([example(text, number, **more) for number, text in enumerate(responses)])
    return {(one.example_id, one.mark): one for one in found}


@pytest.mark.parametrize(
    ("mark", "response"),
    [
        (QualityFlag.LENGTH, "Water."),
        (QualityFlag.REPETITION, "it rains and it rains and " * 12),
        (
            QualityFlag.LANGUAGE,
            "Regen fällt, wenn die Tropfen in einer Wolke zu schwer geworden sind.",
        ),
    ],
)
def test_each_fault_is_flagged_by_its_own_mark(mark, response):
    """A text with one fault has that flag and not the others; a sound one has none."""
    found = marks_of(response)
    assert found[0, mark].is_flagged
    others = [m for m in (QualityFlag.VALIDITY, QualityFlag.NEAR_DUPLICATE) if m is not mark]
    assert not any(found[0, other].is_flagged for other in others)
    assert not any(one.is_flagged for one in marks_of(SOUND, OTHER).values())


CHINESE = (
    "雨是从云中落下的水滴。当云里的水滴变得太重，空气托不住它们时，雨就会落下来，"
    "在寒冷的空气中这会发生得更早。"
)
JAPANESE = (
    "雨は雲から落ちてくる水のしずくです。雲の中の水滴が重くなりすぎて空気が支えきれなくなると、"
    "地面に降ってきます。冷たい空気の中ではより早く起こります。"
)
THAI = (
    "ฝนคือหยดน้ำที่ตกลงมาจากเมฆ เมื่อหยดน้ำในเมฆหนักเกินกว่าที่อากาศจะพยุงไว้ได้"
    "ฝนก็จะตกลงสู่พื้นดิน ในอากาศเย็นจะเกิดขึ้นเร็วกว่า"
)
KOREAN = "비는 구름에서 떨어지는 물방울이며 구름 속의 물방울이 너무 무거워지면 땅으로 내려온다."


@pytest.mark.parametrize("text", [CHINESE, JAPANESE, THAI])
def test_languages_without_spaces_are_measured_like_others(text):
    """A sound text is not too short and repeats nothing; a sentence over and over does, one changed
    word makes a near duplicate, and another text none."""
    changed = text.replace(text[20:22], "XY")
    found = marks_of(text, changed, text[:18] * 9, OTHER)
    assert not found[0, QualityFlag.LENGTH].is_flagged
    assert 12 <= found[0, QualityFlag.LENGTH].value <= 40
    assert not found[0, QualityFlag.REPETITION].is_flagged
    assert found[2, QualityFlag.REPETITION].is_flagged
    assert found[1, QualityFlag.NEAR_DUPLICATE].is_flagged
    assert found[1, QualityFlag.NEAR_DUPLICATE].neighbour_id == 0
    assert not found[3, QualityFlag.NEAR_DUPLICATE].is_flagged
    assert marks_of(text[:4])[0, QualityFlag.LENGTH].is_flagged


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", CHINESE),
        ("ja", JAPANESE),
        ("th", THAI),
        ("ko", KOREAN),
        ("de", "Regen fällt, wenn die Tropfen in einer Wolke zu schwer geworden sind."),
        ("en", SOUND),
    ],
)
def test_the_language_is_told(language, text):
    """The right code, and a flag where it is not English."""
    (mark,) = [m for (_, kind), m in marks_of(text).items() if kind is QualityFlag.LANGUAGE]
    assert mark.detail == language
    assert mark.is_flagged == (language != "en")
    assert (mark.value > 0.5) == (language == "en")


@pytest.mark.parametrize(
    "text", ["", "1 2 3", "12 345 678 90 11 12 13 14", "… --- *** +++ === ///"]
)
def test_what_is_in_no_language_is_not_flagged_as_foreign(text):
    """Numbers and signs are neither English nor another language."""
    mark = marks_of(text)[0, QualityFlag.LANGUAGE]
    assert (mark.value, mark.is_flagged) == (None, False)


def test_a_program_is_not_foreign():
    """Words of a Python function are few and English."""
    code = "def bake(bread):\n    total = 0\n    for loaf in bread:\n        total += loaf.weight"
    assert not marks_of(code)[0, QualityFlag.LANGUAGE].is_flagged


def test_an_answer_cut_at_its_limit_is_flagged():
    """What the token limit ended says so, however long it is."""
    assert (
        marks_of(SOUND, is_cut=True)[0, QualityFlag.LENGTH].detail == "cut off at the token limit"
    )


def test_near_duplicates_name_their_neighbour():
    """A changed word makes a near-duplicate of the right example; another text makes none."""
    changed = SOUND.replace("cold air", "icy air")
    found = marks_of(OTHER, SOUND, changed, SOUND)
    near = {number: found[number, QualityFlag.NEAR_DUPLICATE] for number in range(4)}
    assert [near[number].is_flagged for number in range(4)] == [False, False, True, True]
    assert (near[2].neighbour_id, near[3].neighbour_id) == (1, 1)
    assert near[3].value == 1
    assert 0.7 < near[2].value < 1


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_repetition_is_a_share(words):
    """Between 0 and 1, and 0 where all words differ."""
    assert 0 <= repetition(" ".join(words)) < 1
    assert repetition(" ".join(map(str, range(len(words))))) == 0


def test_the_heuristic_never_grades_correctness():
    """Four axes are between 0 and 4; nothing is said of whether a response is true."""

    def embed(texts):
        return np.eye(2, dtype=np.float32)[[len(text) % 2 for text in texts]]

    for response in (SOUND, "", "no " * 2000):
        grades = {g.axis: g.score for g in heuristic_grades([example(response)], embed)}
        assert grades.pop(Axis.CORRECTNESS) is None
        assert all(0 <= score <= 4 for score in grades.values())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_at_most_a_twentieth_of_nonsense_is_above_the_line(values):
    """The line is one of the values seen, and of few values the largest."""
    line = null_line(values)
    assert line in values
    assert sum(value > line for value in values) <= len(values) / 20
    assert len(values) >= 20 or line == max(values)


def test_nonsense_is_seeded_and_distinct():
    """The same seed makes the same words, another seed others, and none comes twice."""
    assert nonsense_words(40, 0) == nonsense_words(40, 0)
    assert len(set(nonsense_words(40, 0))) == 40
    assert nonsense_words(40, 0) != nonsense_words(40, 1)
