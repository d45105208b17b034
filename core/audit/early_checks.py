"""What is wrong with a question, found before torch is imported, which takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from assay.core.data.sources import check_there
from assay.core.models.locate import check_model_there
from assay.core.specs.commands import command_of
from assay.core.specs.data import DataRef

_MODELS = ("base", "final")


def check_early(spec: Any) -> None:
    """InputError for options that contradict each other, and for a model or a data file of any spec
    that is not there, or lacks a column."""
    command_of(spec).check(spec)
    for one in fields(spec):
        value = getattr(spec, one.name)
        if one.name in _MODELS and isinstance(value, str):
            check_model_there(value)
        for ref in _documents_of(value):
            check_there(ref)


def _documents_of(value: Any) -> Iterator[DataRef]:
    if isinstance(value, DataRef):
        yield value
    elif isinstance(value, tuple):
        yield from (one for one in value if isinstance(one, DataRef))
