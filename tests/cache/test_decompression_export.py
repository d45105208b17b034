"""Exports of decompressions, read back by the programs they are for."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pandas as pd
import pytest
from datasets import load_dataset
from support.decompression_file import HOSTILE, JUDGE, write_sample_decompression
from support.pages import opened

from assay.cache.annotations.annotations import Annotated, set_mark
from assay.cache.decompressions.export import (
    FOLDER,
    ExportChoice,
    example_frame,
    export_archive,
    export_files,
)
from assay.cache.decompressions.read import ExampleFilter, decompression_path
from assay.cache.store import Store
from assay.core.specs.annotations import Mark


@pytest.fixture
def store():
    write_sample_decompression(Store.default())
    return Store.default()


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_files_hold_every_example_with_its_flags(assay, store, tmp_path, ending):
    """Nothing flagged is left out unless asked for, and every letter survives."""
    out = tmp_path / f"examples.{ending}"
    assert assay("export", "sample", "--out", out).status == 0
    frame = pd.read_json(out, lines=True) if ending == "jsonl" else pd.read_parquet(out)
    assert frame["example_id"].tolist() == [0, 1, 2, 3]
    assert frame["response"].iloc[3] == HOSTILE
    assert list(frame["flags"].iloc[1]) == ["near-duplicate"]
    assert frame["topic"].iloc[0] == "music > violin making"


def test_a_choice_narrows_the_export(assay, store, tmp_path):
    """Flags and marks each leave out what they say, and an empty choice is refused."""
    out = tmp_path / "examples.jsonl"
    assert assay("export", "sample", "--out", out, "--without-flagged").status == 0
    assert pd.read_json(out, lines=True)["example_id"].tolist() == [0, 2]
    assert assay("export", "sample", "--out", out, "--only-accepted").status == 2
    set_mark(store, Annotated.decompression("sample"), "1", Mark.ACCEPTED)
    assert assay("export", "sample", "--out", out, "--only-accepted").status == 0
    assert pd.read_json(out, lines=True)["example_id"].tolist() == [1]


def test_a_folder_loads_as_a_data_set(assay, store, tmp_path):
    """`datasets` reads the folder by its card, which names model, hash, prompts and filters."""
    out = tmp_path / "dataset"
    result = assay("export", "sample", "--out", out, "--chat", "--json")
    assert json.loads(result.out)["n_rows"] == 4
    loaded = load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded[0]["messages"][0] == {"role": "user", "content": "Task 0?"}
    assert loaded[0]["messages"][1]["content"].startswith("Because.\n\nA violin")
    card = (out / "README.md").read_text()
    for word in ("ab" * 32, "Prompt 0", "flagged examples are included", "## Licence"):
        assert word in card


def test_grades_go_out_with_who_gave_them(assay, store, tmp_path):
    """Every grade names its judge, an unread one is empty, and the card says what the judge is."""
    write_sample_decompression(store, "judged", is_judged=True)
    out = tmp_path / "dataset"
    assert assay("export", "judged", "--out", out).status == 0
    loaded = load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert {grade["judge"] for grade in loaded[0]["grades"]} == {JUDGE, "heuristic"}
    scores = {grade["score"] for grade in loaded[3]["grades"] if grade["judge"] == JUDGE}
    assert scores == {None}
    card = (out / "README.md").read_text()
    assert f"judge model `{JUDGE}`, SHA-256 of weights `{'01' * 32}`" in card
    assert "1 of 4 answers could not be read" in card


def rows_of(folder, cache):
    return load_dataset(str(folder), split="train", cache_dir=str(cache)).to_list()


def test_a_download_is_what_the_command_writes(assay, store, tmp_path):
    """The page's zip of a folder loads offline to the rows of the command's, under one card."""
    path = decompression_path(store, "sample")
    assert assay("export", "sample", "--out", tmp_path / "written").status == 0
    with zipfile.ZipFile(io.BytesIO(export_archive(store, path, FOLDER, ExportChoice()))) as files:
        files.extractall(tmp_path / "downloaded")
    folders = [tmp_path / name for name in ("written", "downloaded")]
    cards, rows = zip(
        *(((one / "README.md").read_text(), rows_of(one, tmp_path / "cache")) for one in folders),
        strict=True,
    )
    assert cards[0] == cards[1]
    assert rows[0] == rows[1]
    expected = example_frame(store, path, ExportChoice())
    assert [row["response"] for row in rows[0]] == expected["response"].tolist()
    assert [row["flags"] for row in rows[0]] == expected["flags"].tolist()


def test_a_file_has_its_manifest(assay, store, tmp_path):
    """The manifest beside a file tells its bytes, its model and its filters, as in a download."""
    out = tmp_path / "examples.jsonl"
    assert assay("export", "sample", "--out", out, "--without-flagged").status == 0
    manifest = json.loads((tmp_path / "examples.jsonl.manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert manifest["model"]["sha256"] == "ab" * 32
    assert manifest["n_rows"] == 2
    assert "any flag left out" in manifest["filters"]
    choice = ExportChoice(without_flagged=True)
    download = export_archive(store, decompression_path(store, "sample"), "jsonl", choice, out.name)
    with zipfile.ZipFile(io.BytesIO(download)) as files:
        assert files.read("examples.jsonl") == out.read_bytes()
        assert json.loads(files.read("examples.jsonl.manifest.json")) == manifest


def test_a_download_keeps_to_the_filters(store):
    """What fits the page's filters goes out and nothing else, and the card says which."""
    path = decompression_path(store, "sample")
    only = ExampleFilter(topic_id=1, styles=("question", "compare"))
    exported = export_files(store, path, FOLDER, ExportChoice(only=only))
    assert exported.n_rows == 2 < export_files(store, path, FOLDER, ExportChoice()).n_rows
    assert "in and under topic 1; style question or compare" in exported.files["README.md"].decode()


@pytest.mark.parametrize("page", ["topics", "examples"])
def test_both_pages_offer_every_shape(page):
    """Parquet, JSON Lines, chats and the folder can be downloaded from each."""
    write_sample_decompression(Store.default())
    names = [one.proto.label for one in opened(page, decompression="sample").get("download_button")]
    assert len(names) == 4
    assert "Parquet" in names


def test_another_kind_of_file_is_refused(assay, store, tmp_path):
    """A format that is not written is said before anything is."""
    result = assay("export", "sample", "--out", tmp_path / "x.xlsx")
    assert result.status == 2
    assert "jsonl" in result.err
    assert not list(tmp_path.glob("*.xlsx"))
