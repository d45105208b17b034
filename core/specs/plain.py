"""Specs as JSON-ready values, and back, with every key and type checked."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

from assay.core.errors import InputError
from assay.core.specs.hashing import canonical_json

Spec = TypeVar("Spec")
# JSON of unknown form: from a server, somebody else's file, or a model folder.
JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class FieldType:
    """``int | None`` and ``tuple[int, ...]`` are both of kind ``int``."""

    kind: Any
    is_optional: bool = False
    is_repeated: bool = False


def to_plain(spec: Any) -> dict[str, Any]:
    """A spec as JSON-ready values."""
    plain: dict[str, Any] = json.loads(canonical_json(asdict(spec)))
    return plain


def from_plain(spec: type[Spec], plain: Any, where: str = "") -> Spec:
    """The spec that ``to_plain`` wrote. A missing field gets its default.

    InputError that names the key if it is unknown or missing, or if its value has the wrong type.
    """
    inside = f"{where}." if where else ""
    if not isinstance(plain, Mapping):
        raise _unreadable(f"a table of settings for {where or spec.__name__}", repr(plain))
    own: dict[str, Field[Any]] = {f.name: f for f in fields(spec)}  # type: ignore[arg-type]
    unknown = sorted(set(plain) - set(own))
    if unknown:
        raise _unreadable("known settings only", f"{inside}{unknown[0]!s}")
    for name, one in own.items():
        is_needed = one.default is MISSING and one.default_factory is MISSING
        if is_needed and name not in plain:
            raise _unreadable(f"a value for {inside}{name}", "none")
    declared = field_types(cast(Any, spec))
    return spec(**{name: _value(declared[name], plain[name], inside + name) for name in plain})


@cache
def field_types(spec: Any) -> dict[str, FieldType]:
    """The type of each field of a dataclass."""
    return {name: _field_type(hint) for name, hint in typing.get_type_hints(spec).items()}


def checked(kind: Any, value: Any, name: str) -> Any:
    """A single value as ``kind``; InputError that names it if it has another type, or if it is a
    number that no field holds.

    A whole number is accepted as a fraction, and text as a member of an Enum.
    """
    if isinstance(kind, type) and issubclass(kind, Enum):
        choices = [str(one.value) for one in kind]
        if not isinstance(value, str) or value not in choices:
            raise _unreadable(f"one of {', '.join(choices)} for {name}", repr(value))
        return kind(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _unreadable(f"a finite number for {name}", repr(value))
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise _unreadable(f"a number of at most 64 bits for {name}", "a larger one")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _unreadable(f"{_WORDS[kind]} for {name}", repr(value))
    return value


_LARGEST = 2**63 - 1
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _value(declared: FieldType, value: Any, name: str) -> Any:
    if value is None and declared.is_optional:
        return None
    if declared.is_repeated:
        if not isinstance(value, list | tuple):
            raise _unreadable(f"a list for {name}", repr(value))
        return tuple(_one(declared.kind, one, name) for one in value)
    return _one(declared.kind, value, name)


def _one(kind: Any, value: Any, name: str) -> Any:
    return (
        from_plain(cast(type, kind), value, name)
        if is_dataclass(kind)
        else checked(kind, value, name)
    )


def _field_type(hint: Any) -> FieldType:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (inner,) = (one for one in typing.get_args(hint) if one is not type(None))
        return FieldType(_field_type(inner).kind, True, _field_type(inner).is_repeated)
    if typing.get_origin(hint) is tuple:
        return FieldType(typing.get_args(hint)[0], is_repeated=True)
    return FieldType(hint)


def _unreadable(expected: str, got: str) -> InputError:
    return InputError(
        expected, got, "correct it, or create the file again with this version of Assay"
    )
