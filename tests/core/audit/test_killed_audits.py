"""Audits that are killed: another run goes on where they ended, and nothing of them stays."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest
from support.arguments import audit_arguments, with_truth
from support.contents import contents
from support.forked import Forked

pytestmark = pytest.mark.usefixtures("tiny_encoder")

FEW = ["--strategy", "random", "--strategy", "select", "--no-map"]


def audit_process(tiny, home, *more):
    """The audit on its own, its students in two processes of theirs."""
    arguments = audit_arguments(tiny, *with_truth(tiny), *FEW, *more)
    return Forked(*arguments, ASSAY_HOME=str(home), ASSAY_WORKERS="2")


def kill_once_it_says(process, word):
    for line in process.stderr:
        if word in line:
            break
    process.kill()


def test_killed_and_resumed_equals_uninterrupted(tiny, assay, monkeypatch, tmp_path):
    """Killed in the gradients and again among the students, the audit ends with the same rows, as
    it does with students one by one in the audit's own process."""
    rough = audit_process(tiny, tmp_path / "rough")
    kill_once_it_says(rough, "gradients …")
    rough = audit_process(tiny, tmp_path / "rough")
    kill_once_it_says(rough, "students …")
    rough = audit_process(tiny, tmp_path / "rough")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "smooth"))
    smooth = assay(*audit_arguments(tiny, *with_truth(tiny), *FEW))
    log = rough.stderr.read()
    assert (rough.wait(), smooth.status) == (0, 0), log
    assert "gradients done" not in log
    (a,), (b,) = (
        list((tmp_path / name / "audits").glob("*.duckdb")) for name in ("smooth", "rough")
    )
    assert a.name == b.name
    assert contents(a) == contents(b)
    assert contents(a)["selections"] != []


def test_students_end_with_their_parent(tiny, tmp_path):
    """When the audit alone is killed, its student processes end by themselves."""
    process = audit_process(tiny, tmp_path / "home", "--student-epochs", "3000")
    for line in process.stderr:
        if "students …" in line:
            break
    time.sleep(2)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
