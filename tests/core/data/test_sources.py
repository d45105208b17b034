"""Documents from every kind of source, and one sentence for everything that is wrong with one."""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.data import builtin_docs
from assay.core.data.builtin_docs import _DOCUMENTED, FIELDS, _prose, _statements
from assay.core.data.hub_sets import hub_documents
from assay.core.data.labels import label_names
from assay.core.data.skipped import SkippedRows
from assay.core.data.sources import content_digest, read_documents
from assay.core.errors import InputError
from assay.core.specs.data import DataRef

ROWS = pd.DataFrame(
    {
        "text": [f"document number {n}, with a comma and “quotes”" for n in range(50)],
        "label": [n % 3 for n in range(50)],
        "split": ["train" if n % 5 else "test" for n in range(50)],
    }
)


def read(path, **options):
    return list(read_documents(DataRef(str(path), **options)))


def write(folder, kind):
    path = folder / f"data.{kind}"
    plain = folder / f"data.{kind.split('.')[0]}"
    if "parquet" in kind:
        ROWS.to_parquet(plain)
    elif "csv" in kind:
        ROWS.to_csv(plain, index=False)
    else:
        ROWS.to_json(plain, orient="records", lines=True, force_ascii=False)
    if kind.endswith(".gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))
    if kind.endswith(".zst"):
        path.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    return path


KINDS = [k + c for k in ("parquet", "csv", "jsonl") for c in ("", ".gz", ".zst")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_texts(tmp_path, kind):
    """A set reads the same from Parquet, CSV and JSON lines, plain or compressed."""
    documents = read(write(tmp_path, kind), label_column="label")
    assert [d.text for d in documents] == ROWS["text"].tolist()
    assert [str(d.label) for d in documents] == ROWS["label"].astype(str).tolist()
    assert {d.source for d in documents} == {"data"}


def test_a_split_is_the_rows_that_name_it(tmp_path):
    """``#split`` keeps exactly the rows whose split column says so."""
    path = write(tmp_path, "parquet")
    texts = [d.text for d in read(f"{path}#test")]
    assert texts == ROWS["text"][ROWS["split"] == "test"].tolist()
    assert len(texts) < len(ROWS)


@settings(max_examples=20)
@given(n=st.integers(1, 60), seed=st.integers(0, 50))
def test_a_sample_is_an_ordered_subset(tmp_path_factory, n, seed):
    """A sample holds that many distinct documents in their order, the same for the same seed."""
    path = write(tmp_path_factory.mktemp("sample"), "jsonl")
    ref = DataRef(str(path), sample=n)
    texts = [d.text for d in read_documents(ref, seed)]
    positions = [ROWS["text"].tolist().index(text) for text in texts]
    assert len(texts) == min(n, 50)
    assert positions == sorted(set(positions))
    assert texts == [d.text for d in read_documents(ref, seed)]


def test_samples_differ_by_seed_and_are_fair(tmp_path):
    """Over many seeds each document is sampled about equally often."""
    path = write(tmp_path, "csv")
    counts = dict.fromkeys(ROWS["text"], 0)
    for seed in range(100):
        for document in read_documents(DataRef(str(path), sample=10), seed):
            counts[document.text] += 1
    assert sum(counts.values()) == 1000
    assert 5 <= min(counts.values()) <= max(counts.values()) <= 40


def test_a_folder_gives_a_document_a_file(tmp_path):
    """Each text file is a document, labelled by its sub-folder; blank ones are skipped."""
    (tmp_path / "rain").mkdir()
    (tmp_path / "rain" / "a.txt").write_text("It rained.")
    (tmp_path / "rain" / "b.txt").write_text("  \n")
    (tmp_path / "c.txt").write_text("Nothing.")
    found = {(d.text, d.label) for d in read(tmp_path)}
    assert found == {("It rained.", "rain"), ("Nothing.", None)}


def test_digest_follows_contents_not_names(tmp_path):
    """Renaming a file keeps its digest; changing a byte, the column or the sample does not."""
    path = write(tmp_path, "csv")
    before = content_digest(DataRef(str(path)))
    renamed = path.rename(tmp_path / "other.csv")
    assert content_digest(DataRef(str(renamed))) == before
    assert content_digest(DataRef(str(renamed), sample=5)) != before
    assert content_digest(DataRef(str(renamed), text_column="label")) != before
    renamed.write_text(renamed.read_text() + "one more,1,train\n")
    assert content_digest(DataRef(str(renamed))) != before


@pytest.mark.parametrize("kind", [k for k in KINDS if k.endswith((".gz", ".zst"))])
def test_a_compressed_file_cut_short_is_refused(tmp_path, kind):
    """Half a file, or one short of its last byte, is an error and never fewer documents."""
    path = write(tmp_path, kind)
    whole = path.read_bytes()
    assert len(read(path)) == len(ROWS)
    for n_bytes in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(InputError, match="undamaged"):
            read(path)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_file_compressed_in_parts_is_read_to_its_end(tmp_path, compress):
    """Compressed files written one after another read as one."""
    lines = write(tmp_path, "jsonl").read_bytes()
    path = tmp_path / ("parts.jsonl" + (".gz" if compress is gzip.compress else ".zst"))
    path.write_bytes(compress(lines[:100]) + compress(lines[100:]))
    assert [d.text for d in read(path)] == ROWS["text"].tolist()


def test_a_damaged_parquet_file_never_raises_anything_else(tmp_path):
    """Whatever bytes are overwritten, the outcome is documents or one printable sentence."""
    path = write(tmp_path, "parquet")
    whole = path.read_bytes()
    messages = []
    for start in range(0, len(whole), 61):
        path.write_bytes(whole[:start] + b"\xff\x00\x0f\xff" + whole[start + 4 :])
        try:
            read(path)
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > 5
    assert all(message.isprintable() for message in messages)


def test_a_json_line_may_leave_out_what_is_null(tmp_path):
    """A blank line or one without the label is no reason to refuse those that follow."""
    path = tmp_path / "gaps.jsonl"
    path.write_text('\n{"text": "first"}\n{"text": null}\n{"text": "second", "label": 3.0}\n')
    found = [(d.text, d.label) for d in read(path, label_column="label")]
    assert found == [("first", None), ("second", 3)]
    with pytest.raises(InputError, match="columns text, label"):
        read(path, label_column="topic")


@pytest.mark.parametrize("label", ["Infinity", "1.5", "[1]"])
def test_a_label_is_text_or_a_whole_number(tmp_path, label):
    """Anything else in the label column is refused, not rounded."""
    path = tmp_path / "labels.jsonl"
    path.write_text(f'{{"text": "a", "label": {label}}}\n')
    with pytest.raises(InputError, match="text or whole numbers"):
        read(path, label_column="label")


def test_a_split_is_never_ignored(tmp_path):
    """Folders and built-in data have no splits, so naming one is an error."""
    (tmp_path / "a.txt").write_text("It rained.")
    assert len(read(tmp_path)) == 1
    for location in (tmp_path, "builtin:stdlib"):
        for use in (content_digest, lambda ref: list(read_documents(ref))):
            with pytest.raises(InputError, match="only after a file"):
                use(DataRef(f"{location}#train"))


def test_a_path_may_hold_the_split_sign(tmp_path):
    """The last # names the split, and a file whose own name has one is taken literally."""
    folder = tmp_path / "c#"
    folder.mkdir()
    path = write(folder, "csv")
    assert len(read(f"{path}#test")) == 10
    literal = path.rename(folder / "data#test.csv")
    assert len(read(literal)) == 50


def test_a_missing_file_is_missing_to_digest_and_reader_alike(tmp_path):
    """Both say that it is not there and name the file that was probably meant."""
    write(tmp_path, "csv")
    write(tmp_path, "parquet")
    for use in (content_digest, lambda ref: list(read_documents(ref))):
        with pytest.raises(InputError, match=r"does not exist; check the path; there is data\.csv"):
            use(DataRef(str(tmp_path / "dta.csv")))
        for location in ("", "x" * 300):
            with pytest.raises(InputError, match="does not exist"):
                use(DataRef(location))


def test_a_hub_name_never_reads_the_working_folder(tmp_path):
    """A name that ``datasets`` has for a file format is a hub set like any other."""
    write(tmp_path, "csv")
    code = (
        "from assay.core.data.sources import *\n"
        "from assay.core.errors import InputError\n"
        "try: list(read_documents(DataRef('csv')))\n"
        "except InputError as error: print(error)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "'csv', which is not on this machine" in shown


def test_a_subset_of_a_hub_set_is_named_behind_it(tmp_path, monkeypatch):
    """A set with several subsets, laid out as on the hub, is read by NAME:SUBSET; without one, or
    with one it lacks, the error says so."""
    subsets = ("passage", "query")
    for subset in subsets:
        (tmp_path / subset).mkdir()
        table = pd.DataFrame({"pid": [1, 2], "text": [f"{subset} one", f"{subset} two"]})
        table.to_parquet(tmp_path / subset / "train-00000.parquet")
    parts = "".join(
        f"- config_name: {one}\n  data_files:\n  - split: train\n    path: {one}/train-*\n"
        for one in subsets
    )
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{parts}---\n")
    monkeypatch.setattr("assay.core.data.hub_sets.hub_revision", lambda name: None)

    def texts(location):
        return [
            document.text
            for document in hub_documents(DataRef(location), location, "train", SkippedRows())
        ]

    assert texts(f"{tmp_path}:query") == ["query one", "query two"]
    for wrong, reason in (("", "Config name is missing"), (":nope", "passage.*query")):
        with pytest.raises(InputError, match=reason):
            texts(f"{tmp_path}{wrong}")


def broken(folder):
    """Sources that cannot be read, with a word that their message must hold."""
    good = write(folder, "csv")
    cases = {
        "data.csv": DataRef(str(folder / "dta.csv")),
        "columns text, label, split": DataRef(str(good), text_column="body"),
        "test, train": DataRef(f"{good}#validation"),
        "line 2": folder / "bad.jsonl",
        "UTF-8": folder / "latin.csv",
        "undamaged": folder / "bad.parquet",
        "at least one document": folder / "blank.csv",
        ".parquet": folder / "weights.pkl",
        "a different number in line 2": folder / "short.csv",
        "builtin:docs": DataRef("builtin:nothing"),
        "int": DataRef(str(write(folder, "jsonl")), text_column="label"),
        "endless nesting in line 1": folder / "deep.jsonl",
        "(half a surrogate pair): row 1": folder / "half.jsonl",
        "no columns": folder / "empty.csv",
        "unexpected end of data": folder / "quote.csv",
    }
    (folder / "deep.jsonl").write_text('{"text": ' + "[" * 100_000)
    (folder / "half.jsonl").write_text('{"text": "\\ud83d"}')
    (folder / "empty.csv").write_text("")
    (folder / "quote.csv").write_text('text\n"never closed\n')
    (folder / "bad.jsonl").write_text(json.dumps({"text": "fine"}) + "\n{broken\n")
    (folder / "latin.csv").write_bytes("text\ncaf\xe9\n".encode("latin-1"))
    (folder / "bad.parquet").write_bytes(b"PAR1 but not really")
    (folder / "blank.csv").write_text("text\n   \n")
    (folder / "weights.pkl").write_bytes(b"\x80\x04.")
    (folder / "short.csv").write_text("text,label\nonly a text\n")
    return [
        (word, case if isinstance(case, DataRef) else DataRef(str(case)))
        for word, case in cases.items()
    ]


@pytest.mark.parametrize("number", range(15))
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, number):
    """Every unreadable source is an InputError that names what was there instead."""
    word, ref = broken(tmp_path)[number]
    with pytest.raises(InputError) as error:
        list(read_documents(ref))
    message = str(error.value)
    assert word in message
    assert message.startswith("Expected ")
    assert "\n" not in message


def test_builtin_documentation_has_four_fields_of_prose(monkeypatch):
    """A little of each installed package gives distinct paragraphs of prose in each of the four
    fields."""
    a_little = partial(builtin_docs.documentation_paragraphs, 150_000)
    monkeypatch.setattr(builtin_docs, "documentation_paragraphs", a_little)
    documents = []
    for document in read_documents(DataRef("builtin:docs", label_column="label")):
        documents.append(document)
    by_field = pd.Series([d.label for d in documents]).value_counts()
    assert set(by_field.index) == set(FIELDS)
    assert by_field.min() > 50
    assert len({d.text for d in documents}) == len(documents)


_NESTED = """
class A:
    def b(self):
        try:
            with c as d:
                async def e(): pass
        except F:
            def g(): return [lambda: h for i in j]
        else:
            def k(): pass
        finally:
            def m(): pass
def n():
    for o in p:
        def q(): pass
    else:
        def r(): pass
    while s:
        if t:
            class U: pass
        else:
            def v(): pass
    match w:
        case 1:
            def x(): pass
        case _:
            def y(): pass
"""


@pytest.mark.parametrize("source", [_NESTED, Path(ast.__file__).read_text(encoding="utf-8")])
def test_every_definition_is_found_in_the_order_of_walking_all(source):
    """Wherever a statement may hold a class or a function, it is met, and nothing else matters:
    which of two like paragraphs is kept depends on the order."""
    tree = ast.parse(source)
    ours = [node for node in _statements(tree) if isinstance(node, _DOCUMENTED)]
    assert ours == [node for node in ast.walk(tree) if isinstance(node, _DOCUMENTED)]
    assert len(ours) > 10
    assert not any(isinstance(node, ast.expr) for node in _statements(tree))


@pytest.mark.parametrize(
    "part",
    [
        ">>> import this  # and some more words to make it long enough for a paragraph.",
        "x : int\n    The first argument of the function, an integer that is not negative.",
        "See https://example.org for the documentation of this function and its arguments.",
        "Too short.",
    ],
)
def test_code_and_markup_are_not_prose(part):
    """Doctests, links and fragments are left out; a plain sentence is kept."""
    assert _prose(part) is None
    kept = "Returns the sum of the two numbers, which must be of the same kind to be added up."
    assert _prose(kept) == kept


def test_label_names_need_two():
    """Numbers are named in numeric order; one label alone is refused."""
    assert label_names([10, 2, 2, 1]) == ("1", "2", "10")
    assert label_names(["b", "a"]) == ("a", "b")
    with pytest.raises(InputError, match="at least two"):
        label_names(["a", "a"])
