"""Audits that may take only so much memory."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from support.arguments import audit_arguments
from support.blocked_gradients import passes_from_disk
from support.contents import contents

from assay.cache.files import database
from assay.core.audit import memory_needs
from assay.core.audit.memory_needs import n_students_fitting
from assay.core.audit.stages import students
from assay.core.gradients.blocked import BlockedFactors, BlockedProjections
from assay.core.runtime import memory
from assay.core.runtime.memory import UNBOUNDED, MemoryBound
from assay.core.specs.audit import AuditSpec

FEW = ("--strategy", "select", "--strategy", "embedding-select", "--strategy", "random", "--no-map")


def asked(tiny, *more):
    return audit_arguments(tiny, *FEW, "--precision", "fp32", "--json", *more)


@pytest.mark.usefixtures("tiny_encoder")
def test_a_bound_changes_how_and_not_what(tiny, assay, monkeypatch, tmp_path):
    """With little memory left, gradients are read from disk, and DuckDB may hold a twelfth and the
    indexes of 200 documents; the audit has the same id and the same rows, to the last digit."""
    passes, limits = passes_from_disk(monkeypatch), []
    connect = database.duckdb.connect

    def connected(path, config=None, **more):
        if path == ":memory:" and config:
            limits.append(config.get("memory_limit"))
        return connect(path, config=config or {}, **more)

    monkeypatch.setattr(database.duckdb, "connect", connected)
    said = {}
    for name, bound in (("free", ()), ("bound", ("--memory", "2GiB"))):
        assert not passes
        # As if the process had taken all of it already.
        monkeypatch.setattr(memory, "taken", lambda: 2 << 30)
        monkeypatch.setenv("ASSAY_HOME", str(tmp_path / name))
        result = assay(*asked(tiny, "--student-epochs", "0", *bound))
        assert result.status == 0, result.err
        said[name] = json.loads(result.out)
        most = (2 << 30) // 12
        assert set(limits) == ({f"{most}B", f"{most + 200 * 250}B"} if bound else {None})
        limits.clear()
    assert set(passes) == {BlockedFactors, BlockedProjections}
    assert said["free"]["audit"] == said["bound"]["audit"]
    free, bounded = (contents(own["path"]) for own in said.values())
    assert free["selections"]
    assert free == bounded


@pytest.mark.parametrize("size", ["4", "none", "-1GiB", "0MB", "4 GiB of it", "1e3GB"])
def test_what_is_no_size_is_refused(size, tiny, assay):
    """A size without a number or a unit is bad input, before models are loaded."""
    result = assay(*asked(tiny, "--memory", size))
    assert result.status == 2
    assert "such as 4GiB or 600MB" in result.err


def test_what_cannot_fit_is_refused_at_once(tiny, assay, monkeypatch):
    """An audit whose models or documents need more is refused with the size that they need, and
    the documents before any is scored."""
    result = assay(*asked(tiny, "--memory", "600MB"))
    assert result.status == 2
    assert "--memory of at least 1.68 GiB, for the models" in result.err
    assert "0.56 GiB" in result.err
    monkeypatch.setattr(memory_needs, "_DOCUMENT_BYTES", 50_000_000)
    result = assay(*asked(tiny, "--memory", "2GiB"))
    assert result.status == 2
    assert "for 200 documents" in result.err
    assert "gradients" not in result.err
    assert "--candidates" in result.err


def test_fewer_students_train_at_once_where_memory_is_short(tiny, monkeypatch):
    """The number of processes follows from what is left, and is one at least; without a bound, from
    the cores alone."""
    monkeypatch.setenv("ASSAY_WORKERS", "4")
    monkeypatch.setattr(memory, "available", lambda: 1 << 60)
    asked = AuditSpec("base", "final", ())
    on_cpu = SimpleNamespace(device="cpu", rooms=None)
    question = SimpleNamespace(base=tiny / "base", final=tiny / "final", spec=asked, compute=on_cpu)
    pools = []

    def apart(tasks, base, evaluation, after_units, n_workers):
        pools.append(n_workers)
        yield from ()

    monkeypatch.setattr(students, "_train_apart", apart)
    for left, expected in ((1_700_000_000, 3), (1_100_000_000, 2), (9_000_000_000, 17), (0, 1)):
        monkeypatch.setattr(memory, "taken", lambda left=left: (16 << 30) - left)
        n_fitting = n_students_fitting(question, MemoryBound(16 << 30))
        assert n_fitting == expected
        if n_fitting > 1:
            list(students.train_students([1, 2, 3, 4, 5], question, (), print, n_fitting))
    assert n_students_fitting(question, UNBOUNDED) is None
    list(students.train_students([1, 2, 3, 4, 5], question, (), print))
    assert pools == [3, 2, 4, 4]
