"""A command's options as a TOML file: written, and read back with every key and type checked."""

from __future__ import annotations

import tomllib
from enum import Enum
from pathlib import Path
from typing import Any

import tomli_w

from assay.core.errors import InputError
from assay.core.specs.commands import Command, command_of
from assay.core.specs.options import Values

# The key that says which command a file is for.
_COMMAND = "command"


def config_text(command: Command, given: Values) -> str:
    """The options as TOML for ``read_config``; keys are the options' names without dashes."""
    plain = {one.key: _plain(given[one.name]) for one in command.options if one.name in given}
    return tomli_w.dumps({_COMMAND: command.name, **plain})


def config_of(spec: Any) -> str:
    """The config file that builds a spec again."""
    command = command_of(spec)
    return config_text(command, command.asked(spec))


def read_config(path: Path, command: Command) -> Values:
    """The options that a config file sets for a command, by name.

    InputError, naming the key, if the file cannot be read, is for another command, has an unknown
    key or a value of the wrong type.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from error
    return parse_config(text, command, path.name)


def parse_config(text: str, command: Command, name: str) -> dict[str, Any]:
    """The same of a file's text."""
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, error) from error
    meant_for = plain.pop(_COMMAND, command.name)
    if meant_for != command.name:
        raise InputError(
            f"a config file of `assay {command.name}`",
            f"one of `assay {meant_for}`",
            f"use it with that command, or correct the key {_COMMAND!r}",
        )
    known = {one.key: one for one in command.options}
    for key in plain:
        if key not in known:
            raise InputError(
                f"only options of `assay {command.name}` in {name}",
                repr(key),
                f"remove it, or see `assay {command.name} --help`",
            )
    return {known[key].name: known[key].read(value) for key, value in plain.items()}


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(
        f"a readable TOML file {name!r}", f"an error ({error})", "create one with --save-config"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, Enum) else value
