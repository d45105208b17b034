"""The words of a command line are read back into the values that they set."""

from __future__ import annotations

import pytest
from support.specs import SPECS

from assay.core.errors import InputError
from assay.core.specs.command_words import read_words
from assay.core.specs.commands import AUDIT, DECOMPRESS, DIFF, command_of

PAIR = ["--base", "a", "--final", "b"]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: command_of(spec).name)
def test_words_and_values_are_each_others_way_back(spec):
    """What a command writes of a spec is read as the same values, with every field another than by
    default; and as well where a flag and its value are one word."""
    command = command_of(spec)
    given = dict(command.asked(spec))
    words = command.words(given)
    assert read_words(command, words) == (given, {})
    joined, left = [], iter(words)
    flags = {one.flag for one in command.options if one.kind is not bool}
    for word in left:
        joined.append(f"{word}={next(left)}" if word in flags else word)
    assert len(joined) < len(words) or not any(word in flags for word in words)
    assert read_words(command, joined) == (given, {})


def test_a_text_with_commas_stays_one_value():
    """Only options whose values are joined by commas are taken apart at them."""
    words = [*PAIR, "--seed-corpus", "a,b.csv", "--label-names", "up, down"]
    given, _ = read_words(AUDIT, words)
    assert given["seed_corpus"] == ("a,b.csv",)
    assert given["label_names"] == ("up", "down")


def test_flags_of_somebody_else_are_given_apart():
    """Those that the caller knows, each with its value; as an option's own they are unknown."""
    words = ["--device", "cpu", *PAIR, "--memory=4GiB"]
    given, others = read_words(AUDIT, words, ("--device", "--memory"))
    assert given == {"base": "a", "final": "b"}
    assert others == {"--device": "cpu", "--memory": "4GiB"}
    with pytest.raises(InputError, match="--memory"):
        read_words(AUDIT, words, ("--device",))


@pytest.mark.parametrize(
    ("command", "words", "named"),
    [
        (AUDIT, [*PAIR, "--shard", "1/2"], "--shard"),
        (AUDIT, [*PAIR, "--budget"], "a value for --budget"),
        (AUDIT, [*PAIR, "--budget", "many"], "budget"),
        (AUDIT, [*PAIR, "--student-epochs", "-1"], "student-epochs"),
        (AUDIT, [*PAIR, "--strategy", "best"], "strategy"),
        (AUDIT, [*PAIR, "more"], "more"),
        (DIFF, ["a", "b", "c"], "'c'"),
        (DECOMPRESS, ["-x"], "-x"),
    ],
)
def test_words_that_set_nothing_are_refused(command, words, named):
    """Unknown flags, values that are missing or do not fit, and one argument too many."""
    with pytest.raises(InputError, match=named):
        read_words(command, words)
