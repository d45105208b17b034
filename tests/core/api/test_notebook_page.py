"""docs/notebook.md runs as it stands, on tiny real models."""

from __future__ import annotations

import re
import shutil

import pandas as pd
import pytest
from support.paths import ROOT

pytestmark = pytest.mark.trains


def test_every_block_of_the_page_runs(tiny, tmp_path, monkeypatch, capsys):
    """The blocks run one after the other in a folder with a pair and a pool, and say something."""
    for model in ("base", "final"):
        shutil.copytree(tiny / model, tmp_path / model)
    parts = [pd.read_json(tiny / f"{name}.jsonl", lines=True) for name in ("leaked", "noise")]
    pd.concat(parts)[["text"]].to_parquet(tmp_path / "pool.parquet")
    notes = pd.read_json(tiny / "held-out.jsonl", lines=True).rename(columns={"text": "body"})
    notes[["body"]].to_json(tmp_path / "notes.jsonl", orient="records", lines=True)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/notebook.md").read_text(), re.M | re.S
    )
    assert len(blocks) >= 7
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/notebook.md", "exec"), names)
    said = capsys.readouterr().out
    assert "SELECT" in said
    assert "no-such-audit" in said
    assert names["same"].id == names["mailed"].id == names["audit"].id
    assert names["wider"].metrics["n"].max() >= 50
    assert len(names["smaller"].documents) == 10
    assert len(set(names["chosen"].documents)) == 50
    assert names["chosen"].objective[-1] > 0.9
    assert (tmp_path / "audit.html").is_file()
    assert len(pd.read_csv("selection.csv")) == 50
