"""Names instead of folders, and everything else as it was written."""

from __future__ import annotations

import pytest

from assay.core.report.shown_names import without_folders
from assay.core.specs.place_names import name_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Read /home/ann/models/base.", "Read base."),
        ("--final ~/models/final --task sft", "--final final --task sft"),
        ("--seed-corpus '/mnt/a b/pool.parquet'", "--seed-corpus 'pool.parquet'"),
        ('folder "../secret/x" is gone', 'folder "x" is gone'),
        ("The folder '/tmp/x/final' is gone.", "The folder 'final' is gone."),
        (r"C:\Users\ann\model.bin, then", "model.bin, then"),
        ("name=/srv/acme/test.parquet:text=body", "name=test.parquet:text=body"),
        ("file:///home/ann/x.html", "x.html"),
        ("(/data/pool)", "(pool)"),
        ("the folder:/srv/acme/x", "the folder:x"),
        (r"\\server\share\model", "model"),
        ("--test s3://acme/x/test.parquet#all -x", "--test test.parquet#all -x"),
    ],
)
def test_a_path_is_cut_to_its_name(text, shown):
    """Whatever stands around it, of a path only the last part is left."""
    assert without_folders(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "training and/or held-out documents, 1/2 of them",
        "https://example.org/a/b and openai-community/gpt2",
        "builtin:minilm",
        "arXiv 2404.02936; p < 0.01 / 12",
        "decompression:name",
        "<b>big</b> <script>x</script>",
    ],
)
def test_what_is_no_path_stays(text):
    """Addresses, names on the hub, fractions and prose are not touched."""
    assert without_folders(text) == text


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("openai-community/gpt2", "openai-community/gpt2"),
        ("runs/2026/final", "final"),
        ("clients/train.parquet", "train.parquet"),
        ("/models/final/", "final"),
        ("builtin:docs", "builtin:docs"),
        ("s3://acme/x.parquet", "x.parquet"),
    ],
)
def test_a_place_is_shown_by_its_name(place, name):
    """A hub name as it is, a relative path by its last part."""
    assert name_of(place) == name
