"""The command line in a process of its own, which starts with all that this one has loaded."""

from __future__ import annotations

import os
import signal
import sys
import traceback


class Forked:
    """`assay` with these arguments, in a new session, with ``environment`` added.

    A real process to kill, without the seconds that one from nothing takes to import. ``stderr`` is
    what it says, line by line.
    """

    def __init__(self, *arguments, **environment):
        from assay.core.cli import main

        heard, said = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(said)
            self.stderr, self.returncode = os.fdopen(heard), None
            return
        status = 70
        try:
            os.setsid()
            os.environ |= environment
            os.dup2(said, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdout, sys.stderr = open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
            sys.argv = ["assay", *map(str, arguments)]
            main()
        except SystemExit as stop:
            status = stop.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)  # nothing of the tests' own may be cleared up twice

    def poll(self):
        """Its exit status, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self):
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self):
        """SIGKILL to it and all it has started."""
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()
