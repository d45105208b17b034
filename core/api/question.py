"""Python values as an audit's spec, checked like command-line options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias, TypeVar

import numpy as np

from assay.cache.store import Store
from assay.core.audit.store_lookups import StoreLookups
from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import AUDIT
from assay.core.specs.data import DataRef, Task
from assay.core.specs.option_groups import PlainField
from assay.core.specs.place import data_ref
from assay.core.specs.plain import from_plain
from assay.core.specs.training import TrainingSpec

_One = TypeVar("_One")
# Where documents are: as in a command, or with their own columns and sample.
Documents: TypeAlias = str | os.PathLike[str] | DataRef
# A single value stands for a list of one.
OneOrMore: TypeAlias = _One | Sequence[_One]


def question(
    asked: Mapping[str, Any],
    store: Store,
    text_column: str,
    prompt_column: str | None,
    label_column: str,
    label_names: Sequence[str] | None,
) -> AuditSpec:
    """The spec that `assay audit` builds from the same options, so that both make the same audit.

    ``asked``: by the names of the spec's fields; None means the default. Columns and label names
    apply to documents that are given only by location. InputError that names the option if a value
    does not fit, or if no command could ask for it.
    """
    lookups = StoreLookups(store)
    fields = _plain_fields(asked, lookups)
    # Only classification has labels, so other tasks do not read the label column.
    labels = label_column if fields["task"] is Task.CLASSIFICATION else None
    names = None if label_names is None else tuple(_listed(label_names))

    def candidates(place: str) -> DataRef:
        return lookups.corpus(place, text_column, prompt_column, None)

    def known(place: str) -> DataRef:
        return data_ref(place, text_column, labels, None, prompt_column, label_names=names)

    corpora, training = _listed(asked["seed_corpus"]), asked["training"]
    spec = AuditSpec(
        **fields,
        seed_corpus=tuple(_documents(one, "seed_corpus", candidates) for one in corpora),
        reference=_known(asked["reference"], "reference", known),
        test=_known(asked["test"], "test", known),
        training=None if training is None else _typed(TrainingSpec, training, "training"),
    )
    if not corpora:
        return spec
    repeated: AuditSpec = AUDIT.build(AUDIT.asked(spec), lookups)
    for name in ("seed_corpus", "reference", "test"):
        if getattr(repeated, name) != getattr(spec, name):
            raise InputError(
                f"a DataRef for {name} that `assay audit` can express, so that the audit can be "
                "repeated",
                "one with a source, sample or label names that no option of it sets",
                "remove these from the DataRef; to sample candidates use n_candidates",
            )
    return repeated


def _plain_fields(asked: Mapping[str, Any], lookups: StoreLookups) -> dict[str, Any]:
    """Fields with single values and lists of them, read like a command's options."""
    groups = [g for g in AUDIT.groups if isinstance(g, PlainField) and g.field.name in asked]
    values: dict[str, Any] = {}
    for group in groups:
        (option,) = group.options
        value = _python(asked[group.field.name])
        # For a comma-separated text, it would be a guess whether it is one word or several.
        if option.is_repeated and not option.declared.is_joined and value is not None:
            value = _listed(value)
        values[group.name] = option.default if value is None else _corrected(option.read, value)
    return {group.field.name: group.value(values, lookups) for group in groups}


def _python(value: Any) -> Any:
    """Paths as text, NumPy's numbers as Python's."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]


def _known(documents: Any, name: str, at: Callable[[str], DataRef]) -> DataRef | None:
    return None if documents is None else _documents(documents, name, at)


def _documents(documents: Any, name: str, at: Callable[[str], DataRef]) -> DataRef:
    place = _python(documents)
    if isinstance(place, str):
        place = at(place)
    if isinstance(place, DataRef):
        return _typed(DataRef, place, name)
    raise InputError(
        f"a path, a data set's name or a DataRef for {name}",
        f"a {type(documents).__name__}",
        "write the documents to a file and give its path",
    )


def _typed(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, kind):
        raise InputError(
            f"a {kind.__name__} for {name}",
            f"a {type(value).__name__}",
            f"create one with assay.{kind.__name__}(…)",
        )
    return _corrected(from_plain, kind, asdict(value), name)


def _corrected(read: Callable[..., Any], *arguments: Any) -> Any:
    """A value read by ``core.specs.plain``, whose errors mention files."""
    try:
        return read(*arguments)
    except InputError as error:
        raise InputError(error.expected, error.got, "correct it") from None
