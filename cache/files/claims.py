"""What an untrusted file says about itself, checked against what pages rely on.

There is one dataclass per kind of file. Other keys may hold anything, because a later version may
add some.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

from assay.core.specs.results.audit import AuditResult
from assay.core.specs.results.decompression import DecompressionResult
from assay.core.specs.results.diff import DiffResult
from assay.core.specs.results.experiment import ExperimentResult
from assay.core.specs.results.result import Result

_MAX_DEPTH = 50
Claims = TypeVar("Claims")


_SHAPES: dict[str, type[Result]] = {
    "audit": AuditResult,
    "experiment": ExperimentResult,
    "decompression": DecompressionResult,
    "diff": DiffResult,
}


def claims_of(kind: str, said: Any) -> Result:
    """What a sealed file of that kind says; ValueError as for ``as_claimed``."""
    return as_claimed(_SHAPES[kind], said)


def as_claimed(shape: type[Claims], said: Any) -> Claims:
    """``said`` as a dataclass; ValueError, naming the first thing that is wrong."""
    from pydantic import ValidationError  # takes a while to import

    _check_depth(said)
    try:
        # A type is hashable, but mypy does not know that of a type variable.
        adapter = _shape(shape)  # type: ignore[arg-type]
        claims: Claims = adapter.validate_json(json.dumps(said), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise ValueError(
            f"its metadata are wrong at {where or 'the top level'} ({first['msg']})"
        ) from None
    return claims


def check_version(said: Any, expected: int) -> None:
    """ValueError unless the file has this version of its tables."""
    version = said.get("schema_version") if isinstance(said, dict) else None
    if version != expected:
        raise ValueError(
            f"written by another version of Assay (schema {str(version)[:10]}, this one reads "
            f"{expected})"
        )


def _check_depth(said: Any) -> None:
    level = [said]
    for _ in range(_MAX_DEPTH):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueError(f"its metadata are nested deeper than {_MAX_DEPTH} levels")


@lru_cache
def _shape(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
