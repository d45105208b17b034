"""The command line in this process, for what is made once and read by many tests."""

from __future__ import annotations

import io
import shlex
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


def asked_again(spec, monkeypatch):
    """The audits that the recorded command of ``spec`` would run; its models and files are nowhere,
    so none runs and nothing looks for them."""
    from typer.testing import CliRunner

    from assay.core.cli import app
    from assay.core.specs.commands import command_line

    asked = []

    def remember(spec, *_):
        asked.append(spec)
        raise SystemExit(0)

    monkeypatch.setattr("assay.core.audit.as_job.run_audit", remember)
    monkeypatch.setattr("assay.core.audit.early_checks.check_early", lambda spec: None)
    CliRunner().invoke(app, shlex.split(command_line(spec))[1:])
    return asked
