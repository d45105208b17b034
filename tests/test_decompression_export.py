"""Exports of decompressions, read back by the programs they are for."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from datasets import load_dataset
from sample_decompression import HOSTILE, JUDGE, write_sample_decompression

from cache.home import Store
from cache.reviews import Verdict, set_verdict


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
    """Flags and reviews each leave out what they say, and an empty choice is refused."""
    out = tmp_path / "examples.jsonl"
    assert assay("export", "sample", "--out", out, "--without-flagged").status == 0
    assert pd.read_json(out, lines=True)["example_id"].tolist() == [0, 2]
    assert assay("export", "sample", "--out", out, "--only-accepted").status == 2
    set_verdict(store, "sample", 1, Verdict.ACCEPTED)
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


def test_another_kind_of_file_is_refused(assay, store, tmp_path):
    """A format that is not written is said before anything is."""
    result = assay("export", "sample", "--out", tmp_path / "x.xlsx")
    assert result.status == 2
    assert "jsonl" in result.err
    assert not list(tmp_path.glob("*.xlsx"))
