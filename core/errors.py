"""Errors a user can act on: each says what was expected, what was found, and what to do."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A disk or a quota is full, or a file would be larger than the system lets it be. Libraries tell
# it by number or in the system's words; SQLite has its own, and DuckDB and safetensors only words.
_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = re.compile(
    "no space left on device|disk quota exceeded|file too large|database or disk is full",
    re.IGNORECASE,
)
_FILE_NAMED = re.compile(r'file "(/[^"\n]+)"')


class AssayError(Exception):
    """A failure that Assay explains in words; the command line exits with status 1."""


class InputError(AssayError):
    """Bad usage or bad input; the command line prints one sentence and exits with status 2."""

    def __init__(self, expected: str, got: str, do: str) -> None:
        self.expected, self.got, self.do = expected, got, do
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """What the user reads."""
        return f"Expected {self.expected}, but got {self.got}; {self.do}."

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        # By default pickle would call it with the sentence, and the process pool would break.
        return type(self), (self.expected, self.got, self.do)


class OptionConflict(InputError):
    """Two options that contradict each other, where "expected … but got …" would be unclear.

    ``rule`` is a sentence without its full stop: "--label-words applies to --task classification
    only".
    """

    def __init__(self, rule: str, got: str, do: str) -> None:
        super().__init__(rule, got, do)

    @property
    def sentence(self) -> str:
        return f"{self.expected}; {self.do}."


class Cancelled(AssayError):
    """The user asked a running job to stop; what was computed so far is kept."""


def is_interruption(error: BaseException) -> bool:
    """Whether the user stopped the work: Ctrl-C, a signal, or a cancelled job.

    If a signal arrives during a query, DuckDB raises an error of its own and Python's
    KeyboardInterrupt is lost.
    """
    if isinstance(error, (Cancelled, KeyboardInterrupt)):
        return True
    return isinstance(error, RuntimeError) and str(error) == "Query interrupted"


class FullDisk(InputError):
    """There is no room to write; what was kept before stays, and the same command continues."""

    @classmethod
    def at(cls, folder: Path | None, words: str) -> FullDisk:
        """``folder``: where there is no room, if that is known; ``words``: the system's."""
        while folder and not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        free = f" with {shutil.disk_usage(folder).free / 1e6:.1f} MB free" if folder else ""
        return cls(
            f"room to write in {folder}" if folder else "room to write",
            f'"{words}"{free}',
            "free some space and run the same command again: nothing that was kept is lost, and "
            "it continues from there",
        )


def is_full_disk(error: BaseException | None) -> bool:
    """Whether the work ended because nothing more could be written."""
    return _full_disk_words(error) is not None


@contextmanager
def full_disk_explained(folder: Path | None = None) -> Iterator[None]:
    """Turn whatever a library says of a full disk into FullDisk.

    ``folder``: where the body writes, for errors that name no file.
    """
    try:
        yield
    except Exception as error:
        words = _full_disk_words(error)
        if words is None or isinstance(error, FullDisk):
            raise
        raise FullDisk.at(_folder_named(error) or folder, words) from error


def _full_disk_words(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, FullDisk):
            return error.got
        if isinstance(error, OSError) and error.errno in _FULL_NUMBERS:
            return error.strerror or "No space left on device"
        # Our own sentences quote files and servers, which may use these words, too.
        said = None if isinstance(error, AssayError) else _FULL_WORDS.search(str(error))
        if said:
            return said[0]
        error = error.__cause__ or error.__context__
    return None


def _folder_named(error: BaseException | None) -> Path | None:
    while error is not None:
        named = error.filename if isinstance(error, OSError) else None
        found = _FILE_NAMED.search(str(error))
        if isinstance(named, str):
            return Path(named).absolute().parent
        if found:
            return Path(found[1]).parent
        error = error.__cause__ or error.__context__
    return None
