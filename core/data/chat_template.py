"""Chat templates are programs that come with a model: run within a limit of time."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from assay.core.errors import InputError

# Sound templates take a thousandth of a second.
LONGEST_S = 10.0
_BETWEEN_TRIES_S = 0.1
_N_TRIES = 50


class ChatRefused(InputError):
    """A template that does not take this conversation; it may take others."""


class _TooLong(BaseException):
    """Raised within a template that does not end. Not an Exception: nothing there may catch it."""


def as_chat(
    tokenizer: Any, turns: Sequence[Mapping[str, str]], longest_s: float = LONGEST_S, **options: Any
) -> str:
    """The conversation as the tokenizer's template writes it.

    Transformers runs templates in a sandbox, which keeps them from files and code, but lets loops
    within loops run for years. InputError where a template does not end in time or refuses.
    """
    done: dict[str, Any] = {}

    def run() -> None:
        try:
            done["text"] = tokenizer.apply_chat_template(turns, tokenize=False, **options)
        except (Exception, _TooLong) as error:
            done["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(longest_s)
    # A loop of Jinja's is one of Python's, and is left at the exception.
    for _ in range(_N_TRIES if thread.is_alive() else 0):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_TooLong)
        )
        thread.join(_BETWEEN_TRIES_S)
        if not thread.is_alive():
            break
    if "text" in done:
        return str(done["text"])
    error = done.get("error", _TooLong())
    expected, do = (
        "a chat template that renders the conversation",
        "check the model's chat template",
    )
    if isinstance(error, _TooLong):
        said = f"one that does not end within {longest_s:g} s"
        raise InputError(expected, said, do) from error
    said = " ".join("".join(filter(str.isprintable, str(error))).split())[:200]
    raise ChatRefused(
        expected, f"an error from it ({type(error).__name__}: {said!r})", do
    ) from error
