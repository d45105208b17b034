"""Environment variables, checked like options."""

from __future__ import annotations

import os

from assay.core.errors import InputError

# The variables that hold a number of threads, or of processes.
COUNTS = ("ASSAY_THREADS", "ASSAY_WORKERS")
# More than any machine has; a higher number is a typing error.
_MOST = 4096


def count_from(variable: str) -> int | None:
    """The positive number in an environment variable; None if it is not set.

    InputError for anything else.
    """
    given = os.environ.get(variable, "").strip()
    if not given:
        return None
    if not given.isdecimal() or not 1 <= int(given[:9]) <= _MOST:
        raise InputError(
            f"a whole number from 1 to {_MOST:,} in the variable {variable}",
            repr(given[:40]),
            "correct it, or unset it",
        )
    return int(given)
