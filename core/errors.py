"""Errors a user can act on: each says what was expected, what was found, and what to do."""

from __future__ import annotations


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
