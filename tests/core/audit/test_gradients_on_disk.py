"""Audits whose gradients do not fit into memory."""

from __future__ import annotations

import json

import pytest
from support.blocked_gradients import passes_from_disk
from support.contents import contents

from assay.core.audit.stages import titration
from assay.core.gradients.blocked import BlockedFactors, BlockedProjections
from assay.core.runtime import memory
from assay.core.runtime.memory import available

ALSO = (
    *("membership_scores", "embedding_scores", "embedding_gradients", "embedding_factors"),
    *("blind_scores", "titration_grid"),
)


def asked(tiny, *more):
    return [
        *("audit", "--base", tiny / "base", "--final", tiny / "final"),
        *("--seed-corpus", tiny / "leaked.jsonl", "--seed-corpus", tiny / "noise.jsonl"),
        *("--seed-corpus", tiny / "held-out.jsonl", "--held-out-source", "held-out"),
        *("--reference", tiny / "train.jsonl", "--student-epochs", "0", "--leaked-share", "0.5"),
        *("--strategy", "select", "--strategy", "select-plus", "--strategy", "embedding-select"),
        *("--strategy", "random", "--strategy", "top-k"),
        *("--budget", "30", "--precision", "fp32", "--json", *more),
    ]


@pytest.mark.usefixtures("tiny_encoder")
@pytest.mark.parametrize("more", [(), ("--projection-dimension", "64")], ids=["exact", "projected"])
def test_an_audit_from_disk_is_the_same(more, tiny, assay, monkeypatch, tmp_path):
    """Where nothing fits, gradients are read from disk, those of a titration's pools too, and the
    audit has the id and every number of one with enough memory."""
    passes, pools = passes_from_disk(monkeypatch), []
    grid = titration.measure_grid

    def measured(audit):
        n_before = len(passes)
        grid(audit)
        pools.append(len(passes) - n_before)

    monkeypatch.setattr(titration, "measure_grid", measured)
    said = {}
    for name, n_bytes in (("plenty", 1 << 60), ("nothing", 0)):
        assert not passes
        monkeypatch.setattr(memory, "available", lambda n_bytes=n_bytes: n_bytes)
        monkeypatch.setenv("ASSAY_HOME", str(tmp_path / name))
        result = assay(*asked(tiny, *more))
        assert result.status == 0, result.err
        said[name] = json.loads(result.out)
    assert set(passes) == {BlockedProjections, BlockedFactors}
    assert said["plenty"]["audit"] == said["nothing"]["audit"]
    in_memory, on_disk = (contents(own["path"], ALSO) for own in said.values())
    for table, rows in in_memory.items():
        assert repr(rows) == repr(on_disk[table]), table
    assert pools[0] == 0 < pools[1]
    for table in ("selections", "embedding_factors", "titration_grid", "blind_scores"):
        assert in_memory[table], table
    assert [file.suffix for file in (tmp_path / "nothing" / "building").iterdir()] == [".lock"]


def test_a_container_may_have_less_than_its_machine(tmp_path):
    """Its limit counts where it has one, but never adds memory to the machine's."""
    machine = available(tmp_path)
    (tmp_path / "memory.current").write_text("300\n")
    for limit, left in (("1300\n", 1_000), ("200\n", 0)):
        (tmp_path / "memory.max").write_text(limit)
        assert available(tmp_path) == left
    for limit in ("max\n", f"{1 << 60}\n"):
        (tmp_path / "memory.max").write_text(limit)
        assert available(tmp_path) > machine / 2
