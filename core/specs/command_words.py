"""Reading a command line's words back into the values of its options."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.commands import Command
from assay.core.specs.options import CommandOption, Values


def read_words(
    command: Command, words: Sequence[str], others: Collection[str] = ()
) -> tuple[Values, Mapping[str, str]]:
    """The values of a command's options, and those of ``others``, flags that take a value each.

    ``words``: what follows the command's name. InputError for words that set nothing that is known
    here, and for values that do not fit.
    """
    flags = {one.flag: one for one in command.options if not one.declared.is_argument}
    flags |= {f"--no-{one.key}": one for one in flags.values() if one.kind is bool}
    arguments = [one for one in command.options if one.declared.is_argument]
    found: dict[str, Any] = {}
    given: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    left = iter(words)
    for word in left:
        flag, is_joined, value = word.partition("=")
        own = flags.get(flag)
        if own is not None and own.kind is bool and not is_joined:
            found[own.name] = flag == own.flag
        elif own is not None:
            texts.setdefault(own.name, []).append(value if is_joined else _next(left, flag))
        elif flag in others:
            given[flag] = value if is_joined else _next(left, flag)
        elif arguments and not word.startswith("-"):
            texts[arguments.pop(0).name] = [word]
        else:
            raise InputError(f"options of `assay {command.name}`", repr(word[:60]), "remove it")
    known: dict[str, CommandOption] = {one.name: one for one in command.options}
    return found | {name: known[name].from_words(held) for name, held in texts.items()}, given


def _next(left: Iterator[str], flag: str) -> str:
    for word in left:
        return word
    raise InputError(f"a value for {flag}", "nothing", f"give one, or remove {flag}")
