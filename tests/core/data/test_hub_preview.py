"""The first rows of a set on the hub: read elsewhere, within limits, and nothing of it is run."""

from __future__ import annotations

import pandas as pd
import pytest

from assay.core.data.hub_preview import preview_hub
from assay.core.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A set with two subsets, laid out as on the hub, with a script that would leave a trace."""
    folder = tmp_path_factory.mktemp("hub") / "two-subsets"
    for subset in ("passage", "query"):
        (folder / subset).mkdir(parents=True)
        rows = {"pid": range(9), "body": [f"<b>{subset}</b> {'x' * 400} {n}" for n in range(9)]}
        pd.DataFrame(rows).to_parquet(folder / subset / "train-00000.parquet")
    parts = "".join(
        f"- config_name: {one}\n  data_files:\n  - split: train\n    path: {one}/train-*\n"
        for one in ("passage", "query")
    )
    (folder / "README.md").write_text(f"---\nconfigs:\n{parts}---\n")
    return folder


def test_the_first_rows_of_a_subset_are_shown(folder):
    """As many rows as asked for, of the subset that is named, with short cells."""
    found = preview_hub(f"{folder}:query", None, n=2)
    assert found.columns == ("pid", "body")
    assert [row["pid"] for row in found.rows] == ["0", "1"]
    assert all(row["body"].startswith("<b>query</b> xxx") for row in found.rows)
    assert all(len(row["body"]) < 310 for row in found.rows)


@pytest.mark.parametrize(
    ("name", "split", "reason"),
    [("", None, "passage.*query"), (":nope", None, "passage.*query"), (":query", "test", "train")],
)
def test_a_wrong_subset_or_split_names_those_there_are(folder, name, split, reason):
    """The sentence lists what can be asked for."""
    with pytest.raises(InputError, match=reason):
        preview_hub(f"{folder}{name}", split)


def test_a_preview_has_an_end(folder):
    """One that takes too long is ended, and the sentence says so."""
    with pytest.raises(InputError, match=r"more than 0 seconds.*without a preview"):
        preview_hub(f"{folder}:query", None, limit_s=0.05)


def test_code_of_a_set_is_never_run(tmp_path):
    """A set that comes as a script is refused, and the script is not run."""
    folder = tmp_path / "scripted"
    folder.mkdir()
    trace = tmp_path / "ran"
    (folder / "scripted.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    with pytest.raises(InputError):
        preview_hub(str(folder), None)
    assert not trace.exists()


def test_a_name_is_no_file_of_the_working_folder(tmp_path, monkeypatch):
    """A folder or a module where the server runs is neither read nor imported for a name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    pd.DataFrame({"text": ["secret"]}).to_parquet(tmp_path / "owner" / "name" / "train.parquet")
    (tmp_path / "datasets.py").write_text("raise SystemExit('imported')\n")
    with pytest.raises(InputError, match="is not on this machine"):
        preview_hub("owner/name", None)
