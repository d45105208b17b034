"""Commands and flags that a sentence names, between backticks, so that each medium can set them."""

from __future__ import annotations

import re
from collections.abc import Callable

# Nothing but the letters of our own commands: text of others cannot pass for more than that.
_COMMAND = re.compile(r"`((?:assay|make)(?: [a-z][a-z-]*)*|--[a-z][a-z-]*)`")


def set_commands(text: str, as_code: Callable[[str], str], as_text: Callable[[str], str]) -> str:
    """The text with its commands written by ``as_code`` and all else by ``as_text``."""
    parts = _COMMAND.split(text)
    return "".join(
        as_code(part) if number % 2 else as_text(part) for number, part in enumerate(parts)
    )
