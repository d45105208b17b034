"""Turn errors into one sentence and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer import rich_utils

from assay.core.cli.options import has_said, say_json, say_nothing_yet
from assay.core.errors import AssayError, InputError, full_disk_explained, is_interruption

# Typer has its own copy of Click and exposes only this one of its errors.
_USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
CONTINUES = "Cancelled. What was computed so far is kept; the same command continues."


@contextmanager
def explained(as_json: bool = False) -> Iterator[None]:
    """Print errors as one sentence on stderr, and exit with the matching status.

    ``as_json``: also as one JSON object on stdout, unless the result was printed already.
    """
    say_nothing_yet()
    try:
        with full_disk_explained():
            yield
    except InputError as error:
        parts = {"expected": error.expected, "got": error.got, "do": error.do}
        _fail(str(error), 2, as_json, parts)
    except _USAGE_ERROR as error:
        rich_utils.rich_format_error(error)
        _fail("", 2, as_json, {"error": error.format_message()})
    except (Exception, KeyboardInterrupt) as error:
        if is_interruption(error) or isinstance(error, typer.Abort):
            _fail(CONTINUES, 1, as_json, {"is_cancelled": True})
        if isinstance(error, AssayError):
            _fail(str(error), 1, as_json)
        if as_json and not has_said():
            say_json({"error": f"{type(error).__name__}: {error}", "status": 1})
        raise


def _fail(
    message: str, status: int, as_json: bool, parts: Mapping[str, Any] | None = None
) -> NoReturn:
    if message:
        print(message, file=sys.stderr)
    if as_json and not has_said():
        say_json({"error": message, "status": status, **(parts or {})})
    raise SystemExit(status)
