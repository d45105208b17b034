"""`--config` and `--save-config`: a command's options in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from assay.core.specs.commands import COMMANDS
from assay.core.specs.config_file import read_config

_CONFIG, _SAVE_CONFIG = "--config", "--save-config"
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        _CONFIG,
        metavar="FILE.toml",
        help="Read options from this file. Options on the command line override it.",
    ),
]
SaveConfigOption = Annotated[
    Path | None,
    typer.Option(
        _SAVE_CONFIG, metavar="FILE.toml", help="Also write these options to a file for --config."
    ),
]


def with_config(words: Sequence[str]) -> list[str]:
    """A command's words with those of its config file in place of the option.

    An option that is among the words is not taken from the file. InputError for an unreadable file.
    """
    if not words or words[0] not in COMMANDS:
        return list(words)
    command, (path, rest) = COMMANDS[words[0]], _without(words[1:], _CONFIG)
    if path is None or not command.has_config:
        return list(words)
    given = {word.partition("=")[0] for word in rest}
    flags = {one.name: {one.flag, f"--no-{one.key}"} for one in command.options}
    said = read_config(Path(path).expanduser(), command)
    kept = {name: value for name, value in said.items() if not flags[name] & given}
    return [command.name, *command.words(kept), *rest]


def as_recorded(words: Sequence[str]) -> list[str]:
    """What a job records as its command: all options, so that it needs no config file."""
    return [words[0], *_without(with_config(words)[1:], _SAVE_CONFIG)[1]] if words else []


def _without(words: Sequence[str], flag: str) -> tuple[str | None, list[str]]:
    """The last value of a flag, and the words without the flag."""
    value, rest, left = None, [], iter(words)
    for word in left:
        name, is_joined, joined = word.partition("=")
        if name != flag:
            rest.append(word)
        else:
            value = joined if is_joined else next(left, None)
    return value, rest
