"""Reading lists of topics, counting their votes, and growing one tree from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.decompress.parsing import read_names, read_object, read_parts
from assay.core.decompress.prompts import SHOT_NAMES
from assay.core.decompress.topic_names import is_name, normal_form, split_list
from assay.core.decompress.tree.expansion import count_votes
from assay.core.decompress.tree.frontier import Frontier
from assay.core.decompress.tree.tree import TopicTree
from assay.core.specs.decompression import ParseOutcome, Stop

NAMES = ("rain", "snow showers", "Fog & mist")


@pytest.mark.parametrize(
    "text",
    [
        "rain, snow showers, Fog & mist",
        " rain; snow showers; Fog & mist.",
        "1. rain\n2. snow showers\n3. Fog & mist",
        "- rain\n* **snow showers**\n• Fog & mist",
        "a) rain\nb) snow showers\nc) Fog & mist\n",
    ],
)
def test_lists_are_read_however_they_are_written(text):
    """Commas, semicolons, bullets, numbers and letters around items all give the same names."""
    assert tuple(split_list(text)) == NAMES


@pytest.mark.parametrize(
    "text", ["", "2014", "x", "etc", "Others", "a" * 61, "one two three four five six seven", "…"]
)
def test_what_is_no_name_is_refused(text):
    """Numbers, letters, generic words and sentences are no topics; the names above are."""
    assert not is_name(text)
    assert all(map(is_name, NAMES))


@given(st.text())
def test_normal_form_is_a_fixed_point_of_case(name):
    """Upper case, lower case and spaces around make no other topic."""
    assert normal_form(name.upper().lower()) == normal_form(f" {name.upper().lower()} ")


def test_normal_form_tells_topics_apart():
    """A plural is the same topic; physics is not a plural, and C is not C++."""
    assert normal_form("Rainy Seasons") == normal_form("rainy season")
    assert normal_form("Libraries") == normal_form("library")
    assert normal_form("physics") == "physics"
    assert normal_form("C++") != normal_form("C")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("天气、气候、水", ["天气", "气候", "水"]),
        ("雨，雪；霧", ["雨", "雪", "霧"]),
        ("الطقس، المناخ؛ الماء", ["الطقس", "المناخ", "الماء"]),
        ("rain and snow, fog and hail", ["rain and snow", "fog", "hail"]),
    ],
)
def test_lists_are_read_in_any_script(text, names):
    """Commas of other scripts separate names, and one Chinese character can be one; an "and"
    separates after the last comma alone."""
    assert read_names(text, False, False, False)[0] == names


def test_marks_above_and_below_letters_are_part_of_a_name():
    """Words of Thai or Hindi that differ in a tone or vowel mark alone are different topics."""
    for one, other in (("ป่า", "ป้า"), ("कि", "की"), ("मत", "माता")):
        assert normal_form(one) != normal_form(other)
        assert normal_form(one) == one


@pytest.mark.parametrize(
    ("text", "is_enforced", "rung"),
    [
        ('{"subtopics": ["rain", "snow"]}', True, ParseOutcome.SCHEMA),
        ('{"subtopics": ["rain", "snow"]}', False, ParseOutcome.STRICT),
        ('```json\n{"subtopics": ["rain", "snow",]}\n```', False, ParseOutcome.REPAIRED),
        ('{"subtopics": ["rain", "snow"', False, ParseOutcome.REPAIRED),
        ("1. rain\n2. snow", False, ParseOutcome.LINES),
        ("", False, ParseOutcome.FAILED),
        ("{}", False, ParseOutcome.FAILED),
        ('{"subtopics": []}', True, ParseOutcome.FAILED),
    ],
)
def test_each_rung_of_the_ladder_is_told(text, is_enforced, rung):
    """Answers are read as strictly as they allow, and an empty one is a failure."""
    names, found = read_names(text, True, is_enforced, False)
    assert found is rung
    assert names == ([] if rung is ParseOutcome.FAILED else ["rain", "snow"])


@given(st.text())
def test_json_repair_never_turns_nothing_into_something(text):
    """Whatever the text, an object without the fields asked for is a failure, not an empty one."""
    found, rung = read_object(text, ("subtopics",), False)
    assert (found is None) == (rung is ParseOutcome.FAILED)


def test_a_cut_list_loses_its_last_item():
    """An answer cut at its token limit may end within a name, which is left out."""
    assert read_names("rain, snow, fo", False, False, True)[0] == ["rain", "snow"]
    assert read_names("rain, snow, fog", False, False, False)[0] == ["rain", "snow", "fog"]


def test_labelled_parts_need_all_labels():
    """Parts are found by label whatever their marks; one that is missing or empty fails them."""
    text = "First this.\nThen that.\n**Answer:** 42"
    assert read_parts(text, ("Reasoning", "Answer")) == {
        "Reasoning": "First this.\nThen that.",
        "Answer": "42",
    }
    assert read_parts("Only this.", ("Reasoning", "Answer")) is None
    assert read_parts("This.\nAnswer:", ("Reasoning", "Answer")) is None


def test_votes_count_lists_and_not_mentions():
    """A name counts once a list, in its commonest spelling; the prompt's own names never."""
    shot = sorted(SHOT_NAMES)[0]
    lists = [["Rain", "rains", shot], ["rain", "snow"], ["rain", "Weather"]]
    assert count_votes(lists, "weather") == [("rain", 3), ("snow", 1)]


def letters(names):
    """A stand-in for embeddings with a known geometry: how often each letter is in a name."""
    counts = np.array(
        [[name.lower().count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for name in names]
    )
    return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def test_a_topic_reached_twice_is_one_node_with_a_link():
    """By normal form or by embedding, the second way to a topic becomes a link with its cosine."""
    tree = TopicTree(letters, 0.95, "all")
    arts, rocks = tree.add(tree.topics[0], [("art", 9), ("rocks", 5)], 10, 5)
    (tree.add(arts, [("sculpture", 7), ("painting", 4)], 10, 5))
    new = tree.add(rocks, [("Sculptures", 6), ("paintings of a tin", 3), ("quartz", 2)], 10, 5)
    assert [topic.name for topic in new] == ["paintings of a tin", "quartz"]
    (link,) = tree.links
    assert (link.parent_id, link.topic_id, link.cosine) == (rocks.topic_id, 3, None)
    assert (rocks.n_seen, rocks.n_new) == (3, 2)
    more = tree.add(new[1], [("tar", 2)], 10, 5)
    assert more == []
    assert tree.links[-1].topic_id == arts.topic_id
    assert tree.links[-1].cosine == pytest.approx(1)
    assert tree.path(new[1]) == ("rocks", "quartz")


def test_a_topic_is_no_subtopic_of_its_own():
    """A way back to a topic above is no link: the tree has no circles."""
    tree = TopicTree(letters, 0.95, "all")
    (arts,) = tree.add(tree.topics[0], [("art", 9)], 10, 5)
    (painting,) = tree.add(arts, [("painting", 7)], 10, 5)
    assert tree.add(painting, [("Arts", 5)], 10, 5) == []
    assert tree.links == []


def test_no_branch_eats_the_frontier():
    """Branches take turns however many topics wait in one; a quota stops the rest of a branch."""
    tree = TopicTree(letters, 0.999, "all")
    big, small = tree.add(tree.topics[0], [("big", 9), ("small", 2)], 10, 5)
    names = [("dxa", 9), ("exb", 8), ("fxc", 7), ("gyd", 6)]
    children = tree.add(big, names, 10, 9)
    frontier = Frontier(tree, branch_quota=2)
    for topic in [*children, small]:
        frontier.push(topic)
    assert [topic.name for topic in iter(frontier.pop, None)] == ["small", "dxa", "exb"]
    assert [topic.stop for topic in children] == [None, None, Stop.QUOTA, Stop.QUOTA]
