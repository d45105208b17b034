"""How a field of a spec becomes an option, declared on the field itself.

The command line, config files, the command that repeats a piece of work and the pages' forms all
read these declarations; an option's name and meaning are written nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, replace
from enum import Enum
from typing import Any, TypedDict, Unpack

from assay.core.errors import InputError
from assay.core.specs.plain import checked

# The default of a required option.
REQUIRED: Any = MISSING
_AS_FIELD: Any = object()
# The given values, by the options' names.
Values = Mapping[str, Any]


class Declared(TypedDict, total=False):
    """What a field may declare about its option, or about that of one command; see ``Option``."""

    help: str
    flag: str
    minimum: float
    default: Any
    otherwise: Callable[[Values], Any]
    unset: str
    is_joined: bool
    is_unique: bool
    is_argument: bool
    switch: Option
    sample: Option
    is_labelled: bool
    roles: tuple[tuple[str, Option | None], ...]


@dataclass(frozen=True)
class Option:
    """One option, as its field declares it. ``flag`` None takes the field's name."""

    help: str = ""
    flag: str | None = None
    minimum: float | None = None
    # If it differs from the field's own.
    default: Any = _AS_FIELD
    # The value if the option is not given, computed from the other options' values.
    otherwise: Callable[[Values], Any] | None = None
    # Describes in words the value if the option is not given.
    unset: str | None = None
    # One text with commas on the command line, instead of a repeated option.
    is_joined: bool = False
    # A value that is given twice counts once.
    is_unique: bool = False
    # A positional argument instead of a flag.
    is_argument: bool = False
    # Without this switch the field is 0.
    switch: Option | None = None
    # For documents: the option that keeps this many at random, and whether labels are read.
    sample: Option | None = None
    is_labelled: bool = False
    # For documents by role: one option per role; the role without one is the reference set.
    roles: tuple[tuple[str, Option | None], ...] = ()


def option(
    default: Any = REQUIRED,
    /,
    *,
    only: Sequence[str] = (),
    differs: Mapping[str, Declared | None] | None = None,
    **declared: Unpack[Declared],
) -> Any:
    """A dataclass field with its option.

    ``only``: the commands that have it, if not all that build the spec do. ``differs``: what is
    declared differently for a command; None if the command does not have the option.
    """
    asked = {"option": Option(**declared), "only": tuple(only), "differs": differs or {}}
    return field(default=default, metadata=asked)


def declared_for(command: str, one: Field[Any]) -> Option | None:
    """The option of a field for a command; None if the command does not have it."""
    if "option" not in one.metadata:
        return None
    only, differs = one.metadata["only"], one.metadata["differs"].get(command, {})
    if (only and command not in only) or differs is None:
        return None
    own: Option = one.metadata["option"]
    if own.default is _AS_FIELD:
        own = replace(own, default=None if own.otherwise else one.default)
    return replace(own, **{"flag": own.flag or one.name.replace("_", "-"), **differs})


@dataclass(frozen=True)
class CommandOption:
    """One option of one command. ``kind``: str, int, float, bool or an Enum.

    ``default`` is REQUIRED, None if the option may stay open, or a value.
    """

    kind: Any
    declared: Option
    default: Any
    is_repeated: bool = False

    @property
    def key(self) -> str:
        """Its key in config files."""
        return str(self.declared.flag)

    @property
    def name(self) -> str:
        """Its key in ``Values``."""
        return self.key.replace("-", "_")

    @property
    def flag(self) -> str:
        return f"--{self.key}"

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    @property
    def choices(self) -> tuple[str, ...]:
        """All its allowed values; none if any value is allowed."""
        is_enum = isinstance(self.kind, type) and issubclass(self.kind, Enum)
        return tuple(str(one.value) for one in self.kind) if is_enum else ()

    def read(self, value: Any) -> Any:
        """A value from a file, a page or code, in the spec's type.

        InputError that names the option if the value has another type or is too small.
        """
        if not self.is_repeated:
            return self._one(value)
        if not isinstance(value, list | tuple) or not value:
            raise InputError(
                f"a list of at least one value for {self.key}",
                repr(value),
                "give its values as a list, or remove it",
            )
        return tuple(map(self._one, value))

    def _one(self, value: Any) -> Any:
        found, least = checked(self.kind, value, self.key), self.declared.minimum
        if least is not None and found < least:
            raise InputError(f"at least {least} for {self.key}", repr(value), "raise it")
        return found

    def words(self, value: Any) -> list[str]:
        """The words of a command line that set this option to this value."""
        if self.kind is bool:
            return [self.flag if value else f"--no-{self.key}"]
        each = value if self.is_repeated else [value]
        if self.declared.is_joined:
            each = [",".join(each)]
        if self.declared.is_argument:
            return [str(one) for one in each]
        return [word for one in each for word in (self.flag, str(one))]
