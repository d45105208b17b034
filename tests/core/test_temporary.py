"""Folders of one process, which no end of that process leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

_HOLDS = """
import sys, time
from pathlib import Path
from assay.core.temporary import TemporaryFolder
folder = TemporaryFolder("fetched")
Path(folder.name, "corpus.parquet").write_text("much")
print(folder.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path):
    """The temporary place of the processes under test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@contextmanager
def holding(place):
    """A process with a folder in ``place``, which ends when its input does."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS],
        env={**os.environ, "TMPDIR": str(place)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().strip().startswith(str(place))
        yield process


def names(place):
    return sorted(one.name for one in place.iterdir())


def test_a_process_that_ends_leaves_nothing(place):
    """Neither its folder nor the lock beside it; while it runs both are there (the control)."""
    with holding(place):
        assert len(names(place)) == 2
    assert names(place) == []


def test_the_next_process_deletes_what_a_killed_one_left(place):
    """And nothing of a process that still runs."""
    with holding(place) as running:
        alive = names(place)
        with holding(place) as killed:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert len(names(place)) == 4
        with holding(place):
            assert len(names(place)) == 4
            assert set(alive) <= set(names(place))
        assert names(place) == alive
        assert running.poll() is None


def test_only_folders_with_a_lock_of_ours_are_deleted(place):
    """A folder without a lock may be somebody else's; a link and a pipe are no locks."""
    for kept in ("assay-fetched-mine", "assay-fetched-linked", "assay-fetched-pipe", "other"):
        (place / kept).mkdir()
        (place / kept / "file").write_text("kept")
    (place / "file").touch()
    (place / "assay-fetched-linked.lock").symlink_to(place / "file")
    os.mkfifo(place / "assay-fetched-pipe.lock")
    (place / "other.lock").touch()
    before = names(place)
    (place / "assay-fetched-left").mkdir()
    (place / "assay-fetched-left.lock").touch()
    with holding(place):
        pass
    assert names(place) == before
    assert (place / "assay-fetched-linked" / "file").read_text() == "kept"


def test_a_link_in_the_place_of_a_folder_is_not_followed(place, tmp_path):
    """What it leads to stays."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (place / "assay-fetched-left").symlink_to(tmp_path / "elsewhere")
    (place / "assay-fetched-left.lock").touch()
    with holding(place):
        pass
    assert (tmp_path / "elsewhere" / "file").exists()
