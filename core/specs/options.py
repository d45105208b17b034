"""How a field of a spec becomes an option, declared on the field itself.

The command line, config files, the command that repeats a piece of work and the pages' forms all
read these declarations; an option's name and meaning are written nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, replace
from enum import Enum, StrEnum
from typing import Any, TypedDict, Unpack

from assay.core.errors import InputError
from assay.core.specs.plain import checked

# The default of a required option.
REQUIRED: Any = MISSING
_AS_FIELD: Any = object()
# The given values, by the options' names.
Values = Mapping[str, Any]


class Names(StrEnum):
    """What the text of an option names; a page offers what there is, and checks what it is."""

    MODEL = "model"
    # A model, or the address of a server.
    SPEAKER = "speaker"
    # NAME=MODEL.
    NAMED_MODEL = "named model"
    DOCUMENTS = "documents"
    # Documents, or the examples of a decompression.
    CORPUS = "corpus"
    DATA_FOLDER = "data folder"
    NEW_FILE = "new file"
    AUDIT = "audit"
    DECOMPRESSION = "decompression"
    EXPERIMENT = "experiment"


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
    is_main: bool
    has_lines: bool
    names: Names
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
    # A form asks for it first; what is neither this nor required stands under "More options".
    is_main: bool = False
    # Its text may have several lines.
    has_lines: bool = False
    names: Names | None = None
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

    def from_text(self, text: str) -> Any:
        """The value that was typed, of several with commas between them; None for a blank.

        InputError that names the option where it does not fit.
        """
        parts = [part.strip() for part in text.split(",")] if self.is_repeated else [text]
        if not any(map(str.strip, parts)):
            return None
        values = [self._typed(part) for part in parts]
        return self.read(values if self.is_repeated else values[0])

    def _typed(self, text: str) -> Any:
        if self.kind not in (int, float):
            # What surrounds a template is a part of it; of a name it is a slip of the hand.
            return text.strip() if self.declared.names else text
        try:
            return self.kind(text.strip().replace("_", ""))
        except ValueError as error:
            what = "a whole number" if self.kind is int else "a number"
            raise InputError(f"{what} for {self.key}", repr(text), "correct it") from error

    def from_words(self, words: Sequence[str]) -> Any:
        """The value that these words of a command line give it, in their order.

        InputError that names the option where one does not fit.
        """
        if self.declared.is_joined:
            words = [part.strip() for word in words for part in word.split(",")]
        values = [self._typed(word) for word in words]
        return self.read(values if self.is_repeated else values[-1])

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
