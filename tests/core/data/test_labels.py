"""What the labels of a file stand for is decided once, with evidence, or refused."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.data.labels import label_names, map_labels, names_of_config
from assay.core.data.sources import read_labels
from assay.core.errors import InputError
from assay.core.specs.data import DataRef

NAMES = ("World", "Sports", "Sci/Tech")


def mapped(labels, names=NAMES, **more):
    found = map_labels(labels, names, "x.csv", **more)
    return [found[label] for label in labels], found.by


def test_names_are_matched_by_name():
    """A label is the model's own name, whatever its case, spaces or underscores."""
    assert mapped(["Sports", "World", "Sci/Tech"]) == ([1, 0, 2], "by the model's names")
    assert mapped(["sports ", "WORLD"])[0] == [1, 0]
    assert mapped(["not_spam", "Spam"], ("spam", "not spam"))[0] == [1, 0]


@pytest.mark.parametrize("labels", [[0, 1, 2], ["0", "1", "2"], ["0.0", "2.0"], [0]])
def test_numbers_from_0_are_the_models_own(labels):
    """Numbers as text or as numbers, 0 among them, are the model's."""
    assert mapped(labels) == ([int(float(label)) for label in labels], "by number from 0")


@pytest.mark.parametrize("labels", [["1", "2", "3"], [3, 1]])
def test_numbers_that_reach_the_count_are_from_1(labels):
    """Of three labels one is called 3: they are counted from 1."""
    assert mapped(labels) == ([int(label) - 1 for label in labels], "by number from 1")


def test_a_file_that_names_its_numbers_is_read_by_those_names():
    """A ClassLabel file whose names are in another order than the model's is not read by number."""
    own = ("Sci/Tech", "World", "Sports")
    by = "by the names in the file"
    assert mapped([0, 1, 2], class_names=own) == ([2, 0, 1], by)
    assert mapped([0, 1, 2])[0] == [0, 1, 2]
    with pytest.raises(InputError, match="--label-names"):
        mapped([0, 1], class_names=("Politics", "Weather"))


def test_class_names_matter_only_to_a_model_that_has_names():
    """A model of LABEL_0, LABEL_1 … was trained on the numbers."""
    own = ("a", "b", "c")
    assert mapped([2, 0], ("LABEL_0", "LABEL_1", "LABEL_2"), class_names=own)[0] == [2, 0]
    assert mapped(["LABEL_2", "LABEL_0"], NAMES)[0] == [2, 0]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([1, 2], NAMES),  # from 0 without World, or from 1 without Sci/Tech
        ([1, 2, 3], ("1", "2", "3", "4")),  # names, or numbers from 0
    ],
)
def test_what_fits_in_two_ways_is_refused(labels, names):
    """Where two readings differ the user is asked, and told how to answer."""
    with pytest.raises(InputError, match=r"different ways.*--label-names"):
        mapped(labels, names)


def test_the_mapping_is_of_the_file_not_of_a_label():
    """Of a model with the names 1, 2, 3, labels 0–2 are numbers each, also where they are names."""
    assert mapped(["0", "1", "2"], ("1", "2", "3")) == ([0, 1, 2], "by number from 0")


@pytest.mark.parametrize("wrong", [["music"], ["World", "music"], [7], ["-1"], ["World", 1]])
def test_what_fits_in_no_way_is_refused(wrong):
    """A label that the model has not, or a mixture of names and numbers, is an error with both."""
    with pytest.raises(InputError, match="World, Sports, Sci/Tech"):
        mapped(wrong)


def test_the_user_settles_it():
    """--label-names names numbers from 0, or any label; what it leaves out is an error."""
    assert mapped([1, 2], given=("Sports", "World", "Sci/Tech"))[0] == [0, 2]
    by_label = ("1=World", "2=Sports", "3=Sci/Tech")
    assert mapped(["2", "1"], given=by_label) == ([1, 0], "by --label-names")
    assert mapped(["Sports"], given=by_label)[0] == [1]
    for wrong, given_names in ((["9"], by_label), ([0], ("Music", "World"))):
        with pytest.raises(InputError, match="--label-names"):
            mapped(wrong, given=given_names)


@settings(max_examples=300)
@given(
    labels=st.lists(st.one_of(st.integers(-2, 20), st.text(max_size=5)), max_size=8),
    names=st.lists(st.one_of(st.text(max_size=5), st.integers(0, 9).map(str)), min_size=2).map(
        tuple
    ),
)
def test_a_mapping_is_one_to_one_or_refused(labels, names):
    """Whatever the labels, each has one number of the model's and no two texts share one."""
    try:
        found = map_labels(labels, names, "x")
    except InputError:
        return
    numbers = [found[label] for label in {str(label) for label in labels}]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < len(names) for number in numbers)


@settings(max_examples=200)
@given(st.lists(st.one_of(st.integers(-3, 30), st.text(max_size=4)), min_size=2))
def test_a_model_made_of_labels_reads_them_back(labels):
    """Names made of a file's labels are mapped to themselves, as fine-tuning needs it."""
    if len({str(label) for label in labels}) < 2:
        return
    names = label_names(labels)
    assert [names[map_labels(labels, names, "x")[label]] for label in labels] == [
        str(label) for label in labels
    ]


def test_digits_as_text_are_named_in_the_order_of_numbers():
    """A CSV's labels give the same names as a Parquet file's."""
    assert label_names(map(str, range(12))) == label_names(range(12))


def test_a_model_may_number_its_labels_from_1():
    """id2label from 1 is in the order of the outputs; one with a gap is refused."""
    assert names_of_config({1: "a", 2: "b"}) == names_of_config({0: "a", 1: "b"}) == ("a", "b")
    with pytest.raises(InputError, match="id2label"):
        names_of_config({0: "a", 2: "b"})


def test_class_names_are_read_from_the_file(tmp_path):
    """What ``datasets`` writes into a Parquet file names its numbers; a damaged note does not."""
    table = pa.table({"text": ["a", "b"], "label": [1, 0]})
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    for note, names in (
        (json.dumps({"info": {"features": features}}), ("neg", "pos")),
        ("{broken", None),
        ("[" * 100_000, None),
        ('{"info": {"features": {"label": {"names": [1]}}}}', None),
    ):
        path = tmp_path / "data.parquet"
        pq.write_table(table.replace_schema_metadata({"huggingface": note}), path)
        known = read_labels(DataRef(str(path), label_column="label"))
        assert (known.found, known.class_names) == ({0, 1}, names)


def test_a_column_of_texts_is_no_label_column(tmp_path):
    """Ten thousand different labels end the reading."""
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f'{{"text": "a", "label": "b{n}"}}\n' for n in range(20_000)))
    with pytest.raises(InputError, match="right --label-column"):
        read_labels(DataRef(str(path), label_column="label"))
