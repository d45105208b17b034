"""Where documents are: shards, patterns, splits and columns of their own."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.audit.corpus_names import with_source_names
from assay.core.data.sources import content_digest, read_documents
from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef
from assay.core.specs.place import data_ref, named_as


def texts(place, **options):
    return [document.text for document in read_documents(data_ref(str(place), **options))]


def shard(path, values, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"text": values, **columns}).to_parquet(path)


@pytest.fixture
def shards(tmp_path):
    """A data set as it comes from a hub: shards by split, and notes beside them."""
    for split, first in (("train", 0), ("test", 10)):
        for number in range(2):
            values = [f"{split} {first + 2 * number + n}" for n in range(2)]
            shard(tmp_path / "news" / "data" / f"{split}-0000{number}-of-00002.parquet", values)
    (tmp_path / "news" / "dataset_info.json").write_text("{}")
    (tmp_path / "news" / "README.md").write_text("# News")
    (tmp_path / "news" / ".cache").mkdir()
    (tmp_path / "news" / ".cache" / "old.parquet").write_bytes(b"not read")
    return tmp_path / "news"


def test_a_folder_of_shards_is_one_source(shards):
    """All shards are read in the order of their names, under the folder's name."""
    found = list(read_documents(DataRef(str(shards))))
    assert [d.text for d in found][-1] == "train 3"
    assert len(found) == 8
    assert {d.source for d in found} == {"news"}


def test_a_split_may_be_in_the_names_of_shards(shards):
    """``FOLDER#train`` keeps the shards that say so; a split that none names is an error."""
    assert texts(f"{shards}#train") == [f"train {n}" for n in range(4)]
    with pytest.raises(InputError, match="a column 'split'"):
        texts(f"{shards}#validation")


def test_a_split_column_tells_where_names_do_not(tmp_path):
    """Shards without a split in their names are asked by their column."""
    for number in range(2):
        shard(tmp_path / f"part-{number}.parquet", [f"a{number}", f"b{number}"], split=["x", "y"])
    assert texts(f"{tmp_path}#y") == ["b0", "b1"]


def test_a_pattern_is_one_source(shards):
    """``FOLDER/*.parquet`` reads what matches, and a pattern that matches nothing says so."""
    assert texts(shards / "data" / "test-*.parquet") == [f"test {n}" for n in range(10, 14)]
    with pytest.raises(InputError, match=r"none"):
        texts(shards / "data" / "*.csv")


def test_a_file_with_the_signs_of_a_pattern_is_a_file(tmp_path):
    """What exists under the very name is read."""
    (tmp_path / "a[1].jsonl").write_text('{"text": "literal"}')
    (tmp_path / "a1.jsonl").write_text('{"text": "matched"}')
    assert texts(tmp_path / "a[1].jsonl") == ["literal"]


def test_empty_shards_are_passed_over(tmp_path):
    """A shard without rows, of any format, ends nothing where others have some."""
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "b.csv").write_text("")
    (tmp_path / "c.csv").write_text("text\n")
    shard(tmp_path / "d.parquet", [])
    (tmp_path / "e.jsonl").write_text('{"text": "only"}')
    assert texts(tmp_path) == ["only"]


def test_text_and_data_are_not_mixed(tmp_path):
    """A folder of shards with a text file in it asks which is meant."""
    shard(tmp_path / "a.parquet", ["a"])
    (tmp_path / "licence.txt").write_text("Do as you like.")
    with pytest.raises(InputError, match="give a pattern"):
        texts(tmp_path)
    assert texts(tmp_path / "*.parquet") == ["a"]
    assert texts(tmp_path / "*.txt") == ["Do as you like."]


def test_the_digest_of_shards_follows_their_contents(shards, tmp_path):
    """Moving the folder keeps the digest; another split, order or shard does not."""
    before = content_digest(DataRef(f"{shards}#train"))
    moved = shards.rename(tmp_path / "moved")
    assert content_digest(DataRef(f"{moved}#train")) == before
    assert content_digest(DataRef(f"{moved}#test")) != before
    (moved / "data" / "train-00001-of-00002.parquet").unlink()
    assert content_digest(DataRef(f"{moved}#train")) != before


def test_a_source_may_name_its_own_columns(tmp_path):
    """``FILE:text=body,label=topic`` is read by those columns, also behind a split."""
    path = tmp_path / "news.csv"
    path.write_text("body,topic,split\nIt rained.,weather,a\nIt snowed.,cold,b\n")
    ref = data_ref(f"{path}#b:text=body,label=topic", label_column="label")
    assert [(d.text, d.label) for d in read_documents(ref)] == [("It snowed.", "cold")]
    with pytest.raises(InputError, match="a column 'text'"):
        texts(path)


def test_a_name_that_exists_is_no_column(tmp_path):
    """A file whose own name looks like columns is that file."""
    path = tmp_path / "odd.jsonl:text=a"
    path.write_text("")
    assert data_ref(str(path)).text_column == "text"
    assert data_ref("owner/name:subset#train").location == "owner/name:subset#train"


def test_columns_that_make_no_sense_are_refused():
    """A label of candidates is never read, and a column needs a name."""
    with pytest.raises(InputError, match="no label column"):
        data_ref("a.csv:label=topic")
    with pytest.raises(InputError, match="after text="):
        data_ref("a.csv:text=")
    assert data_ref("a.csv:prompt=", prompt_column="question").prompt_column is None


COLUMN = st.text("abc_ 1", min_size=1, max_size=6)


@given(COLUMN, st.none() | COLUMN, st.none() | COLUMN, COLUMN, st.none() | COLUMN)
def test_a_command_names_the_columns_it_was_given(text, label, prompt, usual_text, usual_prompt):
    """What a source is called in the command to repeat gives the same source."""
    ref = DataRef("owner/name#train", text, label, None, prompt)
    place = named_as(ref, usual_text, label and "label", usual_prompt)
    again = data_ref(place, usual_text, label and "label", None, usual_prompt)
    assert again == ref
    if (text, prompt) == (usual_text, usual_prompt) and label in (None, "label"):
        assert place == ref.location


@pytest.fixture
def corpora(tmp_path):
    for name in ("held/news.jsonl", "other/news.jsonl", "wiki.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"text": name}))
    return tmp_path


def named(held_out, *places):
    spec = AuditSpec("base", "final", tuple(DataRef(str(p)) for p in places))
    return with_source_names(AuditSpec(**{**vars(spec), "held_out_source": held_out}))


@pytest.mark.parametrize("wanted", ["wiki", "wiki.jsonl", "{}/wiki.jsonl"])
def test_the_held_out_source_is_found_by_any_of_its_names(corpora, wanted):
    """The stem, the file's name and the place as given are one source."""
    places = [corpora / "wiki.jsonl", corpora / "held" / "news.jsonl"]
    assert named(wanted.format(corpora), *places).held_out_source == "wiki"


@pytest.mark.parametrize("wanted", ["wikis", "", "WIKI", "jsonl"])
def test_a_held_out_source_that_is_none_is_refused(corpora, wanted):
    """The error lists the sources there are."""
    with pytest.raises(InputError, match="choose one of wiki, news"):
        named(wanted, corpora / "wiki.jsonl", corpora / "held" / "news.jsonl")


def test_corpora_of_one_name_are_told_apart(corpora):
    """Files of one name in two folders are two sources, and either can be the held-out one."""
    places = [corpora / "held" / "news.jsonl", corpora / "other" / "news.jsonl"]
    spec = named("held/news", *places)
    assert [ref.source for ref in spec.seed_corpus] == ["held/news", "other/news"]
    assert spec.held_out_source == "held/news"
    assert named(str(places[1]), *places).held_out_source == "other/news"
    with pytest.raises(InputError, match="several"):
        named("news.jsonl", *places)


def test_splits_of_one_file_are_told_apart(corpora):
    """Two splits of a file are two sources."""
    path = corpora / "wiki.jsonl"
    spec = named(f"{path}#test", f"{path}#train", f"{path}#test")
    assert spec.held_out_source == "wiki#test"
    assert [ref.source for ref in spec.seed_corpus] == ["wiki#train", "wiki#test"]


def test_a_name_of_its_own_is_kept(corpora):
    """A single corpus keeps the name it always had, so that its digest stays."""
    assert named(None, corpora / "wiki.jsonl").seed_corpus[0].source is None
