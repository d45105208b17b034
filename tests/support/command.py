"""The command line in this process, for what is made once and read by many tests."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

import pytest


def ran(home, *arguments):
    """`assay` with these arguments and the store at ``home``; as subprocess.run says it."""
    from assay.core.cli import main

    argv, out, err = ["assay", *map(str, arguments)], io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("ASSAY_HOME", str(home))
        patch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as stop:
            main()
    return CompletedProcess(argv, stop.value.code or 0, out.getvalue(), err.getvalue())
