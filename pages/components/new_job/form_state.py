"""What a form holds, from widget to spec: values as widgets have them, and what is wrong with them.

Streamlit forgets a widget's value once a run does not draw it, so another page or another kind of
job would empty the form. The form keeps its own copy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from assay.core.errors import InputError
from assay.core.jobs.checked_names import USUAL, NameChecker
from assay.core.specs.data import DataRef, Task
from assay.core.specs.options import REQUIRED, CommandOption, Names
from assay.core.specs.place import Columns
from assay.pages.components.new_job.kinds import JobKind

_KEPT = "new job: values"
# Among the forms: where jobs run, which all kinds share.
COMPUTE = "compute"
OF_DOCUMENTS = (Names.DOCUMENTS, Names.CORPUS)


@dataclass
class Filled:
    """``given``: the options' values that differ from their defaults, names checked; ``errors`` by
    the option's name, "" for what belongs to none; ``missing``: required ones without a value;
    ``asks_for``: what an untouched form needs where no single option is required."""

    given: dict[str, Any] = field(default_factory=dict)
    spec: Any = None
    errors: dict[str, str] = field(default_factory=dict)
    missing: list[CommandOption] = field(default_factory=list)
    asks_for: str = ""

    @property
    def is_ready(self) -> bool:
        return self.spec is not None and not self.errors and not self.missing


@dataclass(frozen=True)
class Form:
    """The form of one kind of job."""

    kind: JobKind
    checker: NameChecker

    def key(self, name: str) -> str:
        """The widget's key in the session."""
        return f"new {self.kind.name}: {name}"

    def restore(self) -> None:
        """Give each widget what the form held when it was drawn last, or its default."""
        kept = self._kept()
        for one in self.kind.command.options:
            key = self.key(one.name)
            if key not in st.session_state:
                st.session_state[key] = kept.get(one.name, shown(one, one.default))
        for key in self._column_keys():
            if key not in st.session_state and key in kept:
                st.session_state[key] = kept[key]

    def keep(self) -> None:
        """Remember what the widgets hold."""
        for one in self.kind.command.options:
            self._kept()[one.name] = st.session_state[self.key(one.name)]
        for key in self._column_keys():
            self._kept()[key] = st.session_state.get(key)

    def fill(self, given: Mapping[str, Any]) -> None:
        """Put these values in, and defaults everywhere else; the form is drawn already."""
        for one in self.kind.command.options:
            st.session_state[self.key(one.name)] = shown(one, given.get(one.name, one.default))
        for key in self._column_keys():
            # A set's columns are part of its name now.
            st.session_state.pop(key, None)
            self._kept().pop(key, None)

    def begin_with(self, given: Mapping[str, Any]) -> None:
        """The same for a form that another page leads to.

        Streamlit shows a new widget's value only where it is set in the run that draws the widget.
        """
        kept = self._kept()
        kept.clear()
        for one in self.kind.command.options:
            kept[one.name] = shown(one, given.get(one.name, one.default))
        own = [key for key in st.session_state if str(key).startswith(self.key(""))]
        for key in own:
            del st.session_state[key]

    def evaluated(self) -> Filled:
        """What the form says: values, or what is wrong with each."""
        found, command = Filled(), self.kind.command
        values = {}
        for one in command.options:
            values[one.name] = one.default
            try:
                value = self._value(one)
            except InputError as error:
                found.errors[one.name] = str(error)
                continue
            if value is not None:
                values[one.name] = value
            elif one.is_required:
                found.missing.append(one)
        found.given = dict(command.given(values))
        if found.missing or found.errors:
            return found
        try:
            spec = command.build(found.given)
            command.check(spec)
        except InputError as error:
            if found.given.keys() <= {"seed"}:
                found.asks_for = error.expected
            else:
                found.errors[self._whose(str(error))] = str(error)
            return found
        found.spec = spec
        return found

    def raw(self, name: str) -> Any:
        """What a widget holds."""
        return st.session_state.get(self.key(name))

    def _column_keys(self) -> list[str]:
        """The keys of all columns that can be chosen, of the documents named now."""
        return [
            self.columns_key(one.name, place, which)
            for one in self.kind.command.options
            if one.declared.names in OF_DOCUMENTS
            for place in as_list(self.raw(one.name))
            for which in ("text", "label")
        ]

    def columns_key(self, name: str, place: str, which: str) -> str:
        """The session's key of a column chosen for a set of documents."""
        return self.key(f"{name} {place} {which}")

    def with_columns(self, one: CommandOption, place: str) -> DataRef:
        """A set of documents, checked, with the columns that were chosen for it."""
        ref = self.checker.located(place, self._usual_columns())
        has_labels = self.raw("task") == Task.CLASSIFICATION
        for which in ("text", "label") if has_labels else ("text",):
            chosen = st.session_state.get(self.columns_key(one.name, place, which))
            if chosen:
                ref = DataRef(**{**vars(ref), f"{which}_column": chosen})
        return ref

    def _usual_columns(self) -> Columns:
        """Those of every set that names no others."""
        text, label = self.raw("text_column"), self.raw("label_column")
        return Columns(text or USUAL.text, label or USUAL.label, self.raw("prompt_column") or None)

    def _value(self, one: CommandOption) -> Any:
        raw = self.raw(one.name)
        if raw is None or raw == "" or raw == []:
            return None
        is_typed = isinstance(raw, str) and (one.is_repeated or not one.choices)
        value = one.from_text(raw) if is_typed else raw
        if value is None:
            return None
        if one.kind is str and isinstance(value, list | tuple):
            value = [self._checked(one, part) for part in value]
        elif one.kind is str:
            value = self._checked(one, value)
        return one.read(value)

    def _checked(self, one: CommandOption, value: str) -> str:
        names = one.declared.names
        if names in OF_DOCUMENTS and not value.startswith("decompression:"):
            return self.checker.named(self.with_columns(one, value), self._usual_columns())
        return self.checker.checked(one, value)

    def _whose(self, sentence: str) -> str:
        """The option that a sentence is about: the first whose flag or key it names."""
        found = {
            named.start(): one.name
            for one in self.kind.command.options
            for word in (one.flag, f"for {one.key}")
            if (named := re.search(rf"{re.escape(word)}(?![\w-])", sentence))
        }
        return found[min(found)] if found else ""

    def _kept(self) -> dict[str, Any]:
        return kept_forms().setdefault(self.kind.name, {})


def kept_forms() -> dict[str, dict[str, Any]]:
    """What each form, and what all of them share, held when it was drawn last."""
    forms: dict[str, dict[str, Any]] = st.session_state.setdefault(_KEPT, {})
    return forms


def as_list(held: Any) -> list[str]:
    """The names that a widget for one or for several holds."""
    if held is None:
        return []
    return list(held) if isinstance(held, list) else [held]


def shown(one: CommandOption, value: Any) -> Any:
    """An option's value as its widget holds it."""
    names = one.declared.names
    is_listed = one.is_repeated and bool(one.choices or names) and names is not Names.NAMED_MODEL
    if value is REQUIRED or value is None:
        if is_listed:
            return []
        is_number = one.kind in (int, float) and not one.is_repeated
        is_chosen = one.choices or one.declared.names
        return None if is_number or is_chosen else ""
    if one.is_repeated:
        words = [str(getattr(part, "value", part)) for part in value]
        return words if is_listed else ", ".join(words)
    return str(value.value) if one.choices and hasattr(value, "value") else value
