"""The documents of a new job: what a job could not read or use is said before it starts."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from support.decompression_file import write_sample_decompression
from support.job_form import form, start_button
from support.pages import words
from support.tiny_experiment import tiny_catalogue
from support.tiny_models import save_bert

from assay.cache.decompressions.read import read_decompression
from assay.cache.store import Store
from assay.core.data.preview import MOST_COLUMNS, preview_files
from assay.core.errors import InputError
from assay.core.runtime.allowed_roots import ROOTS_VARIABLE
from assay.core.specs.data import Task
from assay.pages.components.new_job.uploads import keep_upload

PAIR = {"base": "base", "final": "final"}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """An allowed folder with a pair of models and some data, good and bad."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    save_bert(folder / "base")
    save_bert(folder / "final", seed=1)
    rows = [{"text": f"document {n} about snow", "label": "weather"} for n in range(40)]
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, rows)))
    table = pd.DataFrame(rows)
    table.to_csv(folder / "pool.csv", index=False)
    table[:0].to_csv(folder / "empty.csv", index=False)
    table[["label"]].to_csv(folder / "untitled.csv", index=False)
    (folder / "damaged.parquet").write_bytes(b"PAR1 nothing else")
    (folder / "damaged.json").write_text('[{"text": ')
    monkeypatch.setenv(ROOTS_VARIABLE, str(folder))
    return folder


def said(app):
    return words(app).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("damaged.parquet", "damaged.parquet: Expected"),
        ("damaged.json", "damaged.json: Expected"),
        ("empty.csv", "empty.csv: it holds no documents"),
        ("untitled.csv", "untitled.csv has no column 'text'"),
    ],
)
def test_a_set_that_a_job_cannot_use_keeps_start_off(file, why, files):
    """Whether damaged, empty or without its column; a good set starts."""
    app = form(**PAIR, budget=7, seed_corpus=["pool.jsonl", file])
    assert why in said(app)
    assert "Correct what is marked in red" in said(app)
    assert start_button(app).disabled
    app = form(**PAIR, budget=7, seed_corpus=["pool.jsonl"])
    assert "marked in red" not in said(app)
    assert not start_button(app).disabled


def test_a_column_that_is_missing_is_chosen_where_it_can_be_seen(files):
    """The set is unfolded while its column is asked for, and stays so once it is chosen."""
    app = form(**PAIR, budget=1, seed_corpus=["untitled.csv"])
    assert [one.proto.expanded for one in app.expander if "untitled" in one.label] == [True]
    key = "new audit: seed_corpus untitled.csv text"
    app.selectbox(key=key).set_value("label").run()
    assert [one.proto.expanded for one in app.expander if "untitled" in one.label] == [True]
    assert not start_button(app).disabled
    app = form(**PAIR, budget=1, seed_corpus=["pool.jsonl"])
    assert [one.proto.expanded for one in app.expander if "pool" in one.label] == [False]


@pytest.mark.parametrize("file", ["pool.jsonl", "pool.csv"])
def test_a_budget_that_the_documents_cannot_fill_is_refused(file, files):
    """At most as many as there are, or as are sampled of them."""
    for values, most in (({}, 40), ({"candidates": 30}, 30)):
        app = form(**PAIR, seed_corpus=[file], budget=most + 1, **values)
        assert f"a budget of at most {most}, the size of the seed corpus" in said(app)
        assert start_button(app).disabled
        assert not start_button(form(**PAIR, seed_corpus=[file], budget=most, **values)).disabled


def test_the_budget_of_a_titration_fits_its_smallest_pool(files):
    """All that was not trained on, and the smallest share of what was."""
    for name in ("trained", "other", "held-out"):
        shutil.copy(files / "pool.jsonl", files / f"{name}.jsonl")
    sets = {
        "reference": "trained.jsonl",
        "held_out": "held-out.jsonl",
        "out_of_domain": ["other.jsonl"],
    }
    for shares, most in (("0.5, 1", 100), ("0, 1", 80)):
        for budget, is_refused in ((most + 1, True), (most, False)):
            app = form("titrate", **PAIR, **sets, leaked_share=shares, budget=str(budget))
            assert (f"at most {most}, the size of the smallest pool" in said(app)) == is_refused
            assert start_button(app).disabled == is_refused


def test_a_decompression_is_not_looked_for_on_the_hub(files):
    """It lies in the store; how many documents it has is in the estimate."""
    path = write_sample_decompression(Store.default())
    n_examples = read_decompression(path).counts.n_examples
    app = form(**PAIR, seed_corpus=["decompression:sample"], budget=1, student_epochs=0)
    assert "on the hub" not in said(app)
    assert not [one for one in app.button if one.label == "Preview"]
    assert f"{n_examples:,} documents" in said(app)
    assert not start_button(app).disabled


def test_every_column_of_a_wide_table_can_be_chosen(files):
    """The first thirty are shown; a text in the last is no missing column."""
    wide = pd.DataFrame({**{f"c{n}": [n] for n in range(40)}, "text": ["rain"]})
    wide.to_parquet(files / "wide.parquet")
    found = preview_files(str(files / "wide.parquet"), None)
    assert "text" in found.columns
    assert len(found.rows[0]) == MOST_COLUMNS
    app = form(**PAIR, budget=1, seed_corpus=["wide.parquet"])
    assert "has no column" not in said(app)
    assert not start_button(app).disabled


def test_an_upload_that_nobody_can_read_is_not_kept():
    """It is refused with its reason, and leaves nothing behind; a good one keeps its name."""
    store = Store.default()
    for name, content in (("x.parquet", b"junk"), ("x.json", b"{"), ("x.csv", b"text\n")):
        with pytest.raises(InputError):
            keep_upload(store, name, content)
    assert not list((store.data / "uploads").rglob("*"))
    assert keep_upload(store, "x.csv", b"text\nrain\n").name == "x.csv"


def test_an_experiment_without_its_sets_is_refused_before_it_starts(files):
    """The form names the file that the folder lacks, as the job would."""
    sets = files / "sets"
    sets.mkdir()
    tiny_catalogue(sets)
    values = {"name": "ot-sensitivity", "n_seeds": 1, "data": "sets"}
    app = form("experiment", **values)
    assert "give a --data folder with wiki_nq_passages.parquet" in said(app)
    assert start_button(app).disabled
    shutil.copy(sets / "nq.parquet", sets / "wiki_nq_passages.parquet")
    app = form("experiment", **values)
    assert "Estimate" in said(app)
    assert not start_button(app).disabled


def test_a_labelled_set_needs_its_labels(files):
    """A test set of a classifier has them; of a language model nobody asks for any."""
    pd.DataFrame({"text": ["rain"]}).to_csv(files / "bare.csv", index=False)
    values = {"seed_corpus": ["pool.jsonl"], "budget": 7, "test": "bare.csv"}
    app = form(**PAIR, **values)
    assert "bare.csv has no column 'label'" in said(app)
    assert start_button(app).disabled
    app = form(**PAIR, **values, task=str(Task.SFT))
    assert "has no column" not in said(app)
