"""What a page asks of the hub, asked by a process of its own: it ends in time whatever comes, and
what it loads is gone with it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from assay.core.errors import InputError
from assay.core.temporary import TemporaryFolder

LIMIT_S = 30
# Memory that holds what is read ahead, and what may be said of it.
_MEMORY_BYTES, _MOST_SAID = 4 << 30, 1 << 20
_PROBLEM = "problem"


class NoAnswer(Exception):
    """The process said nothing that can be used; the text says why, as what follows a subject."""


def ask(module: str, asked: dict[str, Any], limit_s: float = LIMIT_S) -> dict[str, Any]:
    """What ``module``, run as a program, says to these values.

    InputError as it raised one; NoAnswer where it came to no end.
    """
    with TemporaryFolder("asked") as folder:  # a name never means a file of the working folder
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", module],
                input=json.dumps(asked),
                capture_output=True,
                text=True,
                errors="replace",
                cwd=folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NoAnswer(f"took more than {limit_s:.0f} seconds") from error
    try:
        if done.returncode or len(done.stdout) > _MOST_SAID:
            raise ValueError
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise NoAnswer("ended without an answer, perhaps for lack of memory") from error
    if _PROBLEM in said:
        raise InputError(*said[_PROBLEM])
    return said


def answer(how: Callable[..., dict[str, Any]], most_file_bytes: int) -> None:
    """Be that program: say what ``how`` returns for the values on the standard input."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_file_bytes, most_file_bytes))
    asked = json.load(sys.stdin)
    try:
        said = how(**asked)
    except InputError as error:
        said = {_PROBLEM: [error.expected, error.got, error.do]}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # a stream's threads may still read ahead
