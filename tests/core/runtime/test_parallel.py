"""Work in threads: in order, and no more at once than was allowed. Processes: ours alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import partial

import pytest
import torch

from assay.core.runtime.parallel import in_threads, side_by_side


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("n_at_most", "n_meeting"), [(64, 4), (2, 2), (1, 1)])
def test_results_keep_their_order_whatever_ends_first(four_threads, n_at_most, n_meeting):
    """As many as are allowed run together, never more, and each result is at its thing's place."""
    meeting, running, most = threading.Barrier(n_meeting, timeout=20), set(), [0]

    def work(number):
        running.add(number)
        most[0] = max(most[0], len(running))
        meeting.wait()  # would never open if fewer ran together
        running.discard(number)
        return number * 10

    assert in_threads(work, range(8), n_at_most) == [number * 10 for number in range(8)]
    assert most[0] == n_meeting


@pytest.mark.parametrize(
    ("n_cores", "device", "n_meeting"), [(2, "cpu", 2), (1, "cpu", 1), (4, "meta", 1)]
)
def test_models_run_side_by_side_where_cores_are_idle(monkeypatch, n_cores, device, n_meeting):
    """On two cores two calls of one thread run together, on one core or a GPU one after another;
    each result is at its call's place."""
    monkeypatch.setenv("ASSAY_WORKERS", str(n_cores))
    assert torch.get_num_threads() == 1
    meeting, running, most = threading.Barrier(n_meeting, timeout=20), set(), [0]

    def work(number):
        running.add(number)
        most[0] = max(most[0], len(running))
        meeting.wait()
        running.discard(number)
        return number

    calls = [partial(work, number) for number in range(4)]
    assert side_by_side(calls, device) == [0, 1, 2, 3]
    assert most[0] == n_meeting


# What a user's script may look like: no guard, and work at once.
_SCRIPT = """
import os
from assay.core.runtime.parallel import as_they_come, processes

print("the script runs")
with processes(2, os.getpid, ()) as pool:
    print(sorted(as_they_come({pool.submit(abs, -n) for n in range(4)}, lambda: None)))
"""


def test_processes_do_not_run_the_user_s_script_again(tmp_path):
    """A script without a guard for `__main__` that starts processes runs once, and they work."""
    (tmp_path / "script.py").write_text(_SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["the script runs", "[0, 1, 2, 3]"]
