"""Labels as data sets write them and as models number them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.core.errors import InputError


def label_index(label: str | int, names: Sequence[str], where: str) -> int:
    """The number of a label: by name, else by number; InputError if the model has no such label."""
    text = str(label)
    if text in names:
        return names.index(text)
    if text.isdigit() and int(text) < len(names):
        return int(text)
    raise InputError(
        f"labels among {', '.join(names)} or their numbers in {where!r}",
        repr(label),
        "name the right --label-column or rename the labels",
    )


def label_names(labels: Iterable[str | int]) -> tuple[str, ...]:
    """The names of the labels that occur, numbers in numeric order; InputError if only one does."""
    found = set(labels)
    if len(found) < 2:
        raise InputError(
            "at least two different labels",
            f"only {found.pop()!r}" if found else "none",
            "name the right --label-column or add data",
        )
    as_numbers = all(isinstance(label, int) for label in found)
    return tuple(str(label) for label in sorted(found, key=None if as_numbers else str))
