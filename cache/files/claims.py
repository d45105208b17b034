"""What an untrusted file says about itself, checked against what pages rely on.

There is one dataclass per kind of file. Other keys may hold anything, because a later version may
add some. Values are returned unchanged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Number = int | float | None
_MAX_DEPTH = 50


@dataclass
class _Assessment:
    verdict: Literal["assessable", "limited", "not assessable"]
    reasons: list[str]
    hints: list[str]


@dataclass
class _Provenance:
    command: str
    assay_version: str
    packages: dict[str, str]
    base_weights_sha256: str | None = None
    final_weights_sha256: str | None = None


@dataclass
class _MadeBy:
    command: str | None = None
    assay_version: str | None = None
    base_weights_sha256: str | None = None
    final_weights_sha256: str | None = None


@dataclass
class _Question:
    base: str
    final: str
    task: str
    budget: int
    strategies: list[str]
    training: dict[str, Any] | None
    title: str = ""
    held_out_source: str | None = None


@dataclass
class _Audit:
    schema_version: int
    spec: _Question
    title: str
    created_at: str
    label_names: list[str]
    assessment: _Assessment
    caveats: list[str]
    training: dict[str, Any]
    provenance: _Provenance
    counts: dict[str, _Number] = field(default_factory=dict)


@dataclass
class _Experiment:
    schema_version: int
    recipe: str
    title: str
    scale: str
    n_seeds: int
    is_built_in: bool
    names: dict[str, str]
    left_out: list[str]
    created_at: str
    provenance: dict[str, Any]


@dataclass
class _Model:
    name: str
    backend: str
    sha256: str
    is_weights_hash: bool
    n_parameters: int | None


@dataclass
class _Decompression:
    schema_version: int
    title: str
    created_at: str
    spec: dict[str, Any]
    prompting: str
    model: _Model
    traits: dict[str, Any]
    judges: list[dict[str, Any]]
    headline_judge: str
    counts: dict[str, _Number]
    support_lines: dict[str, float | None]
    provenance: dict[str, Any]


@dataclass
class _Run:
    id: str
    title: str


@dataclass
class _Diff:
    schema_version: int
    title: str
    created_at: str
    first: _Run
    second: _Run
    noise: list[list[_Run]]
    counts: dict[str, _Number]
    caveats: list[str]
    noise_command: str
    provenance: dict[str, Any]


@dataclass
class _Interval:
    value: float
    low: float
    high: float


@dataclass
class _Check(_Interval):
    name: str
    is_apart: bool
    is_refusal: bool


@dataclass
class _Part(_Interval):
    name: str
    p_value: float


@dataclass
class _BySet:
    suspects: list[str | float]
    controls: list[str | float]


@dataclass
class _Suspects:
    test_id: str
    title: str
    created_at: str
    spec: dict[str, Any]
    n_suspects: int
    n_controls: int
    n_dropped: int
    n_shuffles: int
    declared: list[str]
    caveats: list[str]
    provenance: _MadeBy
    checks: list[_Check]
    is_refused: bool
    p_value: float | None
    auc: _Interval | None
    components: list[_Part]
    scores: _BySet | None
    documents: _BySet | None = None
    constant: list[str] = field(default_factory=list)


@dataclass
class _Target:
    kind: str
    strategy: str | None
    said: float
    control: float
    null_low: float
    null_high: float
    p_value: float
    verbatim: list[int]
    longest_run: list[int]
    verbatim_p_value: float


@dataclass
class _Echo:
    echo_id: str
    title: str
    created_at: str
    spec: dict[str, Any]
    models: list[str]
    n_said: int
    n_control: int
    n_shuffles: int
    verbatim_words: int
    targets: list[_Target]
    caveats: list[str]
    provenance: dict[str, Any]


_SHAPES: dict[str, type] = {
    "audit": _Audit,
    "experiment": _Experiment,
    "decompression": _Decompression,
    "diff": _Diff,
    "suspect": _Suspects,
    "echo": _Echo,
}


def check_claims(kind: str, said: Any) -> None:
    """ValueError, naming the first thing that is wrong, unless ``said`` is what pages expect."""
    from pydantic import ValidationError  # takes a while to import

    _check_depth(said)
    try:
        _shape(_SHAPES[kind]).validate_json(json.dumps(said), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise ValueError(
            f"its metadata are wrong at {where or 'the top level'} ({first['msg']})"
        ) from None


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
