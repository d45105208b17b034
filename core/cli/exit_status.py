"""Errors as one sentence and an exit status."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from assay.core.errors import AssayError, Cancelled, InputError


@contextmanager
def explained() -> Iterator[None]:
    """Errors in one sentence on stderr, with the exit status that says whose they are."""
    try:
        yield
    except InputError as error:
        _fail(str(error), 2)
    except (Cancelled, KeyboardInterrupt):
        _fail("Cancelled; what was computed so far is kept and the same command continues.", 1)
    except AssayError as error:
        _fail(str(error), 1)
    except Exception as error:
        if _is_out_of_space(error):
            _fail(
                "Expected room on the disk, but got none left; free some space or name another "
                "place with --store. What was computed so far is kept.",
                2,
            )
        raise


def _is_out_of_space(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return True
        if "no space left on device" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def _fail(message: str, status: int) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(status)
