"""The last lines of a command, for a person."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from support.endings import assert_ends_for_people
from support.tiny_models import save_bert

from assay.core.cli.ending import Ending, end, show_ending


def test_an_ending_cannot_command_a_terminal_and_stays_small(capsys):
    """Control characters of others' names are left out, a long table and a long cell are cut with
    how much is missing, and the page's address is quoted."""
    names = ["\x1b[31mred\x07", "two\nlines", "w" * 100, *(f"topic {n}" for n in range(60))]
    table = pd.DataFrame({"topic": names, "share": 0.5})
    show_ending(Ending(["Found."], table, ["It is in a.duckdb"], "diff", {"a": "x&y"}))
    said = capsys.readouterr().out
    assert all(one.isprintable() or one == "\n" for one in said)
    assert "two lines" in said
    assert "w" * 49 not in said
    assert "… and 39 more" in said
    assert len(said.splitlines()) < 40
    assert_ends_for_people(said, "diff")
    assert said.endswith("/diff?a=x%26y\n")


def test_a_small_table_is_shown_whole(capsys):
    """Nothing is cut where nothing has to be."""
    show_ending(Ending(["Found."], pd.DataFrame({"score": ["w" * 48, "loss"]})))
    said = capsys.readouterr().out
    assert "w" * 48 in said
    assert "more" not in said


@pytest.mark.parametrize("as_json", [True, False])
def test_only_what_is_asked_for_is_computed(as_json, capsys):
    """JSON needs no words and words need no figures."""

    def unwanted():
        raise AssertionError

    ending = unwanted if as_json else lambda: Ending(["Found."])
    end(as_json, ending, (lambda: {"p": 0.5}) if as_json else unwanted)
    assert capsys.readouterr().out == ('{"p": 0.5}\n' if as_json else "Found.\n")


def test_finetune_says_what_it_made(assay, tmp_path):
    """A person reads how many documents and which labels, the loss of each epoch, and the folder;
    the second time that it was there. --json has every figure."""
    base = save_bert(tmp_path / "base", with_head=False)
    rows = [{"text": f"the cat {n}", "label": ("no", "yes")[n % 2]} for n in range(8)]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    command = ("finetune", "--base", base, "--data", data, "--epochs", 2, "--out", tmp_path / "out")
    first, again = (assay(*command) for _ in range(2))
    for done in (first, again):
        assert done.status == 0, done.err
        assert_ends_for_people(done.out)
        assert "8 documents, labelled no and yes" in done.out
        assert done.out.rstrip().endswith(f"The final model is in {tmp_path / 'out'}")
    assert "was trained" in first.out
    assert "was there already" in again.out
    figures = json.loads(assay(*command, "--json").out)
    assert figures["was_there"] is True
    assert len(figures["epochs"]) == 2
    for epoch in figures["epochs"]:
        assert f"{epoch['train_loss']:.3f}" in first.out
