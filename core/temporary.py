"""Folders for the time of one process, deleted however it ends.

A process that is killed cannot delete its own: the next one that asks for such a folder does. A
lock on a file beside a folder tells whether its process still runs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import weakref
from functools import cache
from pathlib import Path

_PREFIX, _LOCK = "assay-", ".lock"


class TemporaryFolder(tempfile.TemporaryDirectory[str]):
    """A private folder in the system's temporary place, named ``assay-KIND-…``.

    It is deleted when the context or the process ends; after a killed process, when any other asks
    for such a folder.
    """

    def __init__(self, kind: str) -> None:
        _delete_abandoned()
        super().__init__(prefix=f"{_PREFIX}{kind}-")
        self._unlock = weakref.finalize(self, _unlock, *_lock_beside(self.name))

    def cleanup(self) -> None:
        """Delete it now."""
        super().cleanup()
        self._unlock()


def _lock_beside(folder: str) -> tuple[int, str]:
    """The locked file's descriptor and name. It gets its name once it is locked, so that nobody
    finds it unlocked while its process runs."""
    name = folder + _LOCK
    unnamed = name + ".new"
    descriptor = os.open(unnamed, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.rename(unnamed, name)
    return descriptor, name


def _unlock(descriptor: int, name: str) -> None:
    Path(name).unlink(missing_ok=True)
    os.close(descriptor)


@cache
def _delete_abandoned() -> None:
    """Delete this user's folders whose processes have ended; once a process."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*{_LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:  # another user's, or just deleted
            continue
        try:
            if _is_own_file(descriptor):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(str(lock).removesuffix(_LOCK), ignore_errors=True)
                lock.unlink(missing_ok=True)
        except BlockingIOError:  # its process runs
            pass
        finally:
            os.close(descriptor)


def _is_own_file(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
