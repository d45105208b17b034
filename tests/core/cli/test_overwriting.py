"""What `assay export` and `assay report` may replace: their own earlier files, and nothing else."""

from __future__ import annotations

import json

import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression

from assay.cache.export import FORMATS, export_selection
from assay.cache.export_files import manifest_of
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.strategies import Strategy


@pytest.fixture
def sample():
    write_sample_audit(Store.default())
    write_sample_decompression(Store.default(), "said")
    return Store.default()


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_replaces_itself_and_nothing_else(assay, sample, tmp_path, kind):
    """The same command may be repeated; a file of the user's, an export that was edited, or one
    without its manifest stays unless --overwrite is given."""
    out = tmp_path / f"pool.{kind}"
    arguments = ("export", "sample", "--out", out)
    out.write_text("somebody's data")
    refused = assay(*arguments)
    assert refused.status == 2
    assert "--overwrite" in refused.err
    assert out.read_text() == "somebody's data"
    assert not manifest_of(out).exists()
    assert assay(*arguments, "--overwrite").status == 0
    assert assay(*arguments, "--strategy", "random").status == 0
    out.write_bytes(out.read_bytes() + b"\nmine")
    assert assay(*arguments).status == 2
    assert out.read_bytes().endswith(b"mine")
    assert assay(*arguments, "--overwrite").status == 0
    manifest_of(out).unlink()
    assert assay(*arguments).status == 2
    assert list(tmp_path.glob(".*partial")) == []


def test_a_manifest_of_others_is_not_replaced(sample, tmp_path):
    """A file that has the manifest's name but says nothing of Assay stays as it is."""
    out, path = tmp_path / "out.csv", sample.audits / "sample.duckdb"
    for other in ("{}", "[]", "not JSON", '{"sha256": "00", "assay_version": 3, "files": [1]}'):
        manifest_of(out).write_text(other)
        with pytest.raises(InputError, match=r"out\.csv\.manifest\.json"):
            export_selection(sample, path, Strategy.TOP_K, out)
        assert manifest_of(out).read_text() == other
        assert not out.exists()
    export_selection(sample, path, Strategy.TOP_K, out, may_overwrite=True)
    assert json.loads(manifest_of(out).read_text())["audit"] == "sample"


def test_a_folder_of_the_users_keeps_its_files(assay, sample, tmp_path):
    """A data set's folder may be written again; README.md of another folder stays."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    refused = assay("export", "said", "--out", folder)
    assert refused.status == 2
    assert (folder / "README.md").read_text() == "mine"
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    for more in ((), ("--chat",)):
        assert assay("export", "said", "--out", tmp_path / "new", *more).status == 0
    (tmp_path / "new" / "README.md").write_text("a card of my own")
    assert assay("export", "said", "--out", tmp_path / "new").status == 2
    assert assay("export", "said", "--out", tmp_path / "new", "--overwrite").status == 0


def test_a_report_replaces_reports_alone(assay, sample, tmp_path):
    """A report takes an earlier one's place, but no other page's and no other kind of file's."""
    out = tmp_path / "report.html"
    for _ in range(2):
        assert assay("report", "sample", "--out", out).status == 0
    (tmp_path / "README.md").write_text("mine")
    assert assay("report", "sample", "--out", tmp_path / "README.md").status == 2
    assert (tmp_path / "README.md").read_text() == "mine"
    out.write_text("<p>mine</p>")
    assert assay("report", "sample", "--out", out).status == 2
    assert out.read_text() == "<p>mine</p>"
