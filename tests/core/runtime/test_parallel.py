"""Work in threads: in order, and no more at once than was allowed."""

from __future__ import annotations

import threading

import pytest
import torch

from assay.core.runtime.parallel import in_threads


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
