"""Chat templates are programs that come with a model: they run with a time limit."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from assay.core.errors import InputError

# Normal templates take a thousandth of a second.
LONGEST_S = 10.0
_BETWEEN_TRIES_S = 0.1
_N_TRIES = 50


class ChatRefused(InputError):
    """The template rejects this conversation; it may accept others."""


class _TooLong(BaseException):
    """Raised inside a template that does not end; not an Exception that it could catch."""


def as_chat(
    tokenizer: Any, turns: Sequence[Mapping[str, str]], longest_s: float = LONGEST_S, **options: Any
) -> str:
    """The conversation as the tokenizer's template writes it.

    Transformers runs templates in a sandbox without files and code, but nested loops could run for
    years. InputError if a template does not end in time or refuses.
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
    # A loop of Jinja's is one of Python's, and the exception ends it.
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
