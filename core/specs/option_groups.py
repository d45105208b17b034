"""Fields and their options: a plain field is one option, documents and training are several.

Each rule is written once and works both ways: from options to the field's value, and back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

from assay.core.specs.data import DataRef, Task
from assay.core.specs.options import (
    REQUIRED,
    CommandOption,
    Names,
    Option,
    Values,
    declared_for,
)
from assay.core.specs.place import Columns, data_ref
from assay.core.specs.plain import FieldType, field_types
from assay.core.specs.training import TrainingSpec, training_changed


class Lookups:
    """Lookups that the options need; this module knows neither the store nor any model."""

    def corpus(
        self, location: str, text_column: str, prompt_column: str | None, sample: int | None
    ) -> DataRef:
        """Seed documents, given by place or name."""
        return data_ref(location, text_column, None, sample, prompt_column)

    def recorded_training(self, base: str, final: str) -> TrainingSpec | None:
        """How a final model was trained, if that was recorded."""
        return None


@dataclass(frozen=True)
class FieldOptions(ABC):
    """How one command sets one field."""

    command: str
    field: Field[Any]
    type: FieldType
    declared: Option

    @property
    def flag(self) -> str:
        return str(self.declared.flag)

    @property
    def name(self) -> str:
        return self.flag.replace("-", "_")

    @property
    @abstractmethod
    def options(self) -> tuple[CommandOption, ...]:
        """The options, in the order of help texts."""

    @abstractmethod
    def value(self, given: Values, lookups: Lookups) -> Any:
        """The field's value, from the options' values."""

    @abstractmethod
    def asked(self, value: Any, usual: Columns) -> Values:
        """The options' values, from the field's value; what is not given keeps its default.

        ``usual``: the columns that the command names for all of its documents.
        """


class PlainField(FieldOptions):
    """One option for one value, or for a list of values."""

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        own = CommandOption(
            self.type.kind, self.declared, self.declared.default, self.type.is_repeated
        )
        if self.declared.switch is None:
            return (own,)
        return (CommandOption(bool, self.declared.switch, False), own)

    def value(self, given: Values, lookups: Lookups) -> Any:
        if self.declared.switch and not given[self.options[0].name]:
            return 0
        value = given[self.name]
        if value is None and self.declared.otherwise:
            value = self.declared.otherwise(given)
        if not self.type.is_repeated or value is None:
            return value
        return tuple(dict.fromkeys(value) if self.declared.is_unique else value)

    def asked(self, value: Any, usual: Columns) -> Values:
        if self.declared.switch is None:
            return {self.name: value}
        return {self.options[0].name: bool(value), **({self.name: value} if value else {})}


class _Documents(FieldOptions):
    """Common to all fields of documents: columns, which one command sets once."""

    def columns(self) -> tuple[CommandOption, ...]:
        wanted = {"text_column", "prompt_column"}
        if self.declared.is_labelled:
            wanted |= {"label_column", "label_names"}
        return tuple(
            one
            for group in fields_of(self.command, DataRef)
            if group.field.name in wanted
            for one in group.options
        )

    def place(self, declared: Option, is_repeated: bool = False) -> tuple[CommandOption, ...]:
        """Where documents are, and how many of them to keep."""
        declared = replace(declared, names=declared.names or Names.DOCUMENTS)
        own = CommandOption(str, declared, declared.default, is_repeated)
        if declared.sample is None:
            return (own,)
        flag = declared.sample.flag or f"{declared.flag}-sample"
        sample = replace(declared.sample, flag=flag, is_main=declared.is_main)
        default = None if sample.default is Option.default else sample.default
        return (own, CommandOption(int, sample, default))

    def ref(self, location: str, sample: int | None, given: Values) -> DataRef:
        """Documents whose role is known, as opposed to seed documents."""
        # Only classification has labels, so other tasks do not read the label column.
        has_labels = self.declared.is_labelled and given["task"] is Task.CLASSIFICATION
        label = given["label_column"] if has_labels else None
        names = given.get("label_names") if self.declared.is_labelled else None
        columns = given["text_column"], label, sample, given["prompt_column"]
        return data_ref(location, *columns, label_names=names)


class DocumentsField(_Documents):
    """One set of documents, or none."""

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        return (*self.place(self.declared), *self.columns())

    def value(self, given: Values, lookups: Lookups) -> Any:
        location, *samples = (given[one.name] for one in self.place(self.declared))
        sample = samples[0] if samples else None
        return self.ref(location, sample, given) if location else None

    def asked(self, value: DataRef | None, usual: Columns) -> Values:
        if value is None:
            return {}
        place = self.place(self.declared)
        said = (usual.name(value), value.sample)
        return {one.name: part for one, part in zip(place, said, strict=False)} | (
            {"label_names": value.label_names} if value.label_names else {}
        )


class CandidatesField(_Documents):
    """Several sets of documents about which nothing is known."""

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        return (*self.place(self.declared, is_repeated=True), *self.columns())

    def value(self, given: Values, lookups: Lookups) -> Any:
        locations, *samples = (given[one.name] for one in self.place(self.declared))
        text, prompt = given["text_column"], given["prompt_column"]
        sample = samples[0] if samples else None
        return tuple(lookups.corpus(one, text, prompt, sample) for one in locations)

    def asked(self, value: tuple[DataRef, ...], usual: Columns) -> Values:
        if not value:
            return {}
        place = self.place(self.declared)
        said = (tuple(map(usual.name, value)), value[0].sample)
        return {one.name: part for one, part in zip(place, said, strict=False)}


class RolesField(_Documents):
    """Sets of documents whose role for the final model is known."""

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        own = [one for _, part in self.parts() for one in part]
        return (*own, *self.columns())

    def parts(self) -> list[tuple[str, tuple[CommandOption, ...]]]:
        # The last role may have several sets.
        named = [(role, declared) for role, declared in self.declared.roles if declared]
        return [
            (role, self.place(replace(declared, default=REQUIRED), role == named[-1][0]))
            for role, declared in named
        ]

    def value(self, given: Values, lookups: Lookups) -> Any:
        found = {
            role: (given["reference"], given["reference_sample"])
            for role, declared in self.declared.roles
            if declared is None
        }
        found |= {role: tuple(given[one.name] for one in part) for role, part in self.parts()}
        return tuple(
            replace(self.ref(location, sample, given), source=str(role))
            for role, (locations, sample) in found.items()
            for location in ([locations] if isinstance(locations, str) else locations)
        )

    def asked(self, value: tuple[DataRef, ...], usual: Columns) -> Values:
        said: dict[str, Any] = {}
        for role, (place, sample) in self.parts():
            own = [ref for ref in value if ref.source == role]
            if not own:  # of a damaged file, or of one that somebody else wrote
                continue
            locations = tuple(map(usual.name, own))
            said[place.name] = locations if place.is_repeated else locations[0]
            said[sample.name] = own[0].sample
        return said


class NestedField(FieldOptions):
    """The fields of a spec within the spec."""

    @cached_property
    def groups(self) -> tuple[FieldOptions, ...]:
        return fields_of(self.command, self.type.kind)

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        return tuple(one for group in self.groups for one in group.options)

    def value(self, given: Values, lookups: Lookups) -> Any:
        parts = {group.field.name: group.value(given, lookups) for group in self.groups}
        return self.type.kind(**parts)

    def asked(self, value: Any, usual: Columns) -> Values:
        parts = [group.asked(getattr(value, group.field.name), usual) for group in self.groups]
        return {name: said for part in parts for name, said in part.items()}


class TrainingChanges(NestedField):
    """Changes to what a final model's training record says.

    Every option may stay open; if none is given, the field stays open too.
    """

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        return tuple(replace(one, default=None) for one in super().options)

    def value(self, given: Values, lookups: Lookups) -> Any:
        names = {group.field.name: group.name for group in self.groups}
        known = {field: given[name] for field, name in names.items() if given[name] is not None}
        if not known:
            return None
        recorded = lookups.recorded_training(given["base"], given["final"])
        return training_changed(recorded or TrainingSpec(), known)

    def asked(self, value: TrainingSpec | None, usual: Columns) -> Values:
        return super().asked(value, usual) if value else {}


def fields_of(command: str, spec: Any) -> tuple[FieldOptions, ...]:
    """How a command sets each field of a spec that it has options for."""
    types = field_types(spec)
    found = []
    for one in fields(spec):
        declared = declared_for(command, one)
        if declared is not None:
            rule = _rule(types[one.name], declared)
            found.append(rule(command, one, types[one.name], declared))
    return tuple(found)


def _rule(type_: FieldType, declared: Option) -> type[FieldOptions]:
    if declared.roles:
        return RolesField
    if type_.kind is DataRef:
        return CandidatesField if type_.is_repeated else DocumentsField
    if type_.kind is TrainingSpec and type_.is_optional:
        return TrainingChanges
    return NestedField if is_dataclass(type_.kind) else PlainField
