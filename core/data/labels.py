"""A data set's labels and a model's label numbers: one mapping for a whole file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import InputError

Label = str | int

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"([0-9]{1,9})(?:\.0+)?")
_NUMBERED_NAME = re.compile(r"(?:label[\s_-]*)?([0-9]{1,9})", re.IGNORECASE)
_SHOWN = 12


@dataclass(frozen=True)
class LabelMapping:
    """The model's number for each label of a file, and how that was decided."""

    indices: Mapping[str, int]
    by: str

    def __getitem__(self, label: Label) -> int:
        return self.indices[str(label)]

    def line(self, where: str, names: Sequence[str]) -> str:
        """The mapping, for a person to check."""
        pairs = [f"{label} is {names[index]}" for label, index in self.indices.items()]
        more = f" and {len(pairs) - _SHOWN:,} more" if len(pairs) > _SHOWN else ""
        return f"Labels of {where!r}, {self.by}: {', '.join(pairs[:_SHOWN])}{more}."


def map_labels(
    labels: Collection[Label],
    names: Sequence[str],
    where: str,
    class_names: Sequence[str] | None = None,
    given: Sequence[str] | None = None,
) -> LabelMapping:
    """Which of the model's labels each label of a file is, decided once for all of them.

    By what the user gave; otherwise by the model's names, or by the file's names for its numbers;
    otherwise by numbers from 0 or from 1 or ``LABEL_n``, if only one of these fits. InputError if
    none fits, or several do.
    """
    found = sorted({str(label) for label in labels}, key=_in_order)
    if not found:
        return LabelMapping({}, "of which there are none")
    if given:
        return _as_given(found, names, where, given)
    named = _by_name(found, names)
    if named and len(set(named.values())) == len(names):
        return LabelMapping(named, "by the model's names")
    numbers = _numbers(found)
    if class_names and numbers and not _are_numbered(names):
        return _by_class_name(found, numbers, names, where, class_names)
    fits = dict(_fits(found, named, numbers, names))
    if not fits:
        raise _unknown(found, names, where)
    by, indices = next(iter(fits.items()))
    if any(other != indices for other in fits.values()):
        raise InputError(
            f"labels in {where!r} that each match one of the model's labels",
            f"{_listed(found)}, which match {' and '.join(fits)} in different ways "
            f"(the model's labels are {_listed(names)})",
            _HOW_TO_SETTLE,
        )
    return LabelMapping(indices, by)


def label_names(labels: Iterable[Label]) -> tuple[str, ...]:
    """The names of the labels that occur, numbers in numeric order; InputError for only one."""
    found = {str(label) for label in labels}
    if len(found) < 2:
        raise InputError(
            "at least two different labels",
            f"only {found.pop()!r}" if found else "none",
            "choose the right --label-column, or add data",
        )
    are_numbers = all(map(_INTEGER.fullmatch, found))
    return tuple(sorted(found, key=_in_order if are_numbers else str))


def names_of_config(id2label: Mapping[int, str]) -> tuple[str, ...]:
    """A model's label names in the order of its outputs; some number them from 1."""
    numbers = sorted(id2label)
    if numbers not in (list(range(len(numbers))), list(range(1, len(numbers) + 1))):
        raise InputError(
            "a model whose id2label counts from 0 or 1",
            _listed([str(number) for number in numbers]),
            "fix id2label in its config.json",
        )
    return tuple(str(id2label[number]) for number in numbers)


_HOW_TO_SETTLE = (
    "give their names with --label-names: 'NAME,NAME,…' in the order of the numbers from 0, or "
    "'LABEL=NAME,…'"
)


def _as_given(
    found: Sequence[str], names: Sequence[str], where: str, given: Sequence[str]
) -> LabelMapping:
    if all("=" in one for one in given):
        pairs = {label.strip(): name.strip() for label, name in (o.rsplit("=", 1) for o in given)}
    else:
        pairs = {str(number): name for number, name in enumerate(given)}
    meant = _by_name(list(dict.fromkeys(pairs.values())), names)
    if meant is None:
        raise InputError(
            f"--label-names among the model's labels, {_listed(names)}",
            _listed(list(pairs.values())),
            "use the model's own names",
        )
    indices = {label: meant[name] for label, name in pairs.items()}
    numbers = _numbers(found) or {}
    as_written = {label: str(numbers.get(label, label)) for label in found}
    if all(written in indices for written in as_written.values()):
        own = {label: indices[written] for label, written in as_written.items()}
        return LabelMapping(own, "by --label-names")
    named = _by_name(found, names)
    if named is None:
        raise InputError(
            f"--label-names for every label in {where!r}",
            f"{_listed(found)} in the file and {_listed(list(indices))} in the option",
            "give a name for each of the file's labels",
        )
    return LabelMapping(named, "by the model's names")


def _by_class_name(
    found: Sequence[str],
    numbers: Mapping[str, int],
    names: Sequence[str],
    where: str,
    class_names: Sequence[str],
) -> LabelMapping:
    if all(number < len(class_names) for number in numbers.values()):
        meant = {label: class_names[numbers[label]] for label in found}
        indices = _by_name(list(meant.values()), names)
        if indices:
            return LabelMapping(
                {label: indices[name] for label, name in meant.items()},
                "by the names in the file",
            )
    raise InputError(
        f"numbers in {where!r} that mean the model's labels, {_listed(names)}",
        f"numbers that mean {_listed(class_names)}, as the file says",
        _HOW_TO_SETTLE,
    )


def _fits(
    found: Sequence[str],
    named: dict[str, int] | None,
    numbers: Mapping[str, int] | None,
    names: Sequence[str],
) -> Iterable[tuple[str, dict[str, int]]]:
    if named:
        yield "by the model's names", named
    if numbers and max(numbers.values()) < len(names):
        yield "by number from 0", dict(numbers)
    if numbers and not named and min(numbers.values()) >= 1 and max(numbers.values()) <= len(names):
        yield "by number from 1", {label: number - 1 for label, number in numbers.items()}
    matches = {label: _NUMBERED_NAME.fullmatch(label) for label in found}
    own = {label: int(match.group(1)) for label, match in matches.items() if match}
    if not named and not numbers and len(own) == len(found) and max(own.values()) < len(names):
        yield "by the number in LABEL_n", own


def _by_name(found: Sequence[str], names: Sequence[str]) -> dict[str, int] | None:
    """By exact name, otherwise regardless of case, spaces and underscores.

    None unless every label has a match, and different labels have different ones.
    """
    exact = {name: index for index, name in enumerate(names)}
    if len(exact) == len(names) and all(label in exact for label in found):
        return {label: exact[label] for label in found}
    alike = {_plain(name): index for index, name in enumerate(names)}
    plain = {label: _plain(label) for label in found}
    is_clear = len(alike) == len(names) and len(set(plain.values())) == len(found)
    if is_clear and all(own in alike for own in plain.values()):
        return {label: alike[own] for label, own in plain.items()}
    return None


def _numbers(found: Sequence[str]) -> dict[str, int] | None:
    """The labels as numbers; None unless all are numbers, and all different."""
    matches = {label: _NUMBER.fullmatch(label) for label in found}
    numbers = {label: int(match.group(1)) for label, match in matches.items() if match}
    is_clear = len(numbers) == len(found) and len(set(numbers.values())) == len(found)
    return numbers if numbers and is_clear else None


def _are_numbered(names: Sequence[str]) -> bool:
    return all(_NUMBERED_NAME.fullmatch(name) for name in names)


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))


def _in_order(label: str) -> tuple[bool, int, str]:
    is_number = _INTEGER.fullmatch(label) is not None
    return (not is_number, int(label) if is_number else 0, label)


def _unknown(found: Sequence[str], names: Sequence[str], where: str) -> InputError:
    return InputError(
        f"labels in {where!r} among {_listed(names)}, or their numbers",
        _listed([repr(label) for label in found]),
        f"choose the right --label-column, or {_HOW_TO_SETTLE}",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ["".join(filter(str.isprintable, name[:60])) for name in names[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
