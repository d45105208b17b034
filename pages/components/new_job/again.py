"""A new job that begins with the settings of a job or a result that is there."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.jobs.checked_names import NameChecker
from assay.core.runtime.allowed_roots import AllowedRoots
from assay.core.specs.command_words import read_words
from assay.core.specs.commands import command_of
from assay.core.specs.options import CommandOption, Names, Values
from assay.pages.components.new_job.compute import COMPUTE_FLAGS, begin_with_compute, check_compute
from assay.pages.components.new_job.draft import forget_draft_of
from assay.pages.components.new_job.form_state import COMPUTE, Form
from assay.pages.components.new_job.kinds import KINDS
from assay.pages.components.page_table import PAGES

# Options whose text may be a path.
_PLACES = (
    *(Names.MODEL, Names.SPEAKER, Names.NAMED_MODEL, Names.DOCUMENTS, Names.CORPUS),
    *(Names.DATA_FOLDER, Names.NEW_FILE),
)

# The largest whole number of a browser's field.
_LARGEST = 2**53 - 1


@dataclass(frozen=True)
class Settings:
    """What a form can be filled in with. ``where``: the values of flags of the computation.
    ``folder``: what relative paths refer to, None if nobody knows."""

    kind: str
    given: Values
    where: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def fill(self, form: Form) -> None:
        """Put everything in; relative paths get the names that they have elsewhere."""
        given = dict(self.given)
        for one in form.kind.command.options:
            if self.folder and one.name in given and one.declared.names in _PLACES:
                given[one.name] = _seen_from(self.folder, one, given[one.name])
        form.begin_with(given)
        begin_with_compute(self.where)
        forget_draft_of(self.kind, COMPUTE)


@lru_cache(maxsize=1_000)
def settings_of_command(command: tuple[str, ...], folder: Path) -> Settings | None:
    """What the words of a job's command say; None if no form could say the same."""
    kind = KINDS.get(command[0]) if command else None
    if kind is None:
        return None
    words = [word for word in command[1:] if word != "--json"]
    try:
        given, others = read_words(kind.command, words, (*COMPUTE_FLAGS, "--store"))
        where = {flag: value for flag, value in others.items() if flag in COMPUTE_FLAGS}
        check_compute(where)
    except InputError:
        return None
    return Settings(kind.name, given, where, folder)


def settings_of_spec(spec: Any) -> Settings:
    """What was asked for, wherever it was computed."""
    command = command_of(spec)
    return Settings(command.name, command.asked(spec))


def offer_again(settings: Settings | None, key: str) -> None:
    """A button that fills in the form and leads to it; nothing where nothing may be started, or
    where a number would come back from the browser as another one.

    What the settings name is checked there, like what a visitor types.
    """
    store = Store.default()
    if settings is None or store.is_for_reading or not _is_exact(settings.given):
        return
    is_pressed = st.button(
        "New job like this",
        key=key,
        icon=":material/edit_note:",
        type="tertiary",
        help="Opens the form with these settings, to change and start.",
    )
    if is_pressed:
        form = Form(
            KINDS[settings.kind], NameChecker(AllowedRoots.from_environment(store.root), store)
        )
        settings.fill(form)
        st.switch_page(PAGES["new_audit"].file, query_params={"kind": settings.kind})


def _is_exact(given: Values) -> bool:
    return all(abs(one) <= _LARGEST for one in given.values() if isinstance(one, int))


def _seen_from(folder: Path, one: CommandOption, value: Any) -> Any:
    names = one.declared.names
    each = [_absolute(folder, text, names) for text in (value if one.is_repeated else [value])]
    return tuple(each) if one.is_repeated else each[0]


def _absolute(folder: Path, text: str, names: Names | None) -> str:
    """A path that begins with something in the folder, or that is to be; anything else stays."""
    if names is Names.NAMED_MODEL:
        name, mark, place = text.partition("=")
        return f"{name}{mark}{_absolute(folder, place, Names.MODEL)}"
    if text.startswith(("/", "~")):
        return text
    begin = Path(text).parts[:1]
    parts = {text, text.partition("#")[0], text.partition(":")[0], *begin} - {""}
    is_meant = names is Names.NEW_FILE or any(_is_in(folder, part) for part in parts)
    return str(folder / text) if is_meant else text


def _is_in(folder: Path, name: str) -> bool:
    """Whether there is such a path, or one that fits the pattern."""
    named = glob.iglob(name, root_dir=folder)
    return os.path.lexists(folder / name) or next(named, None) is not None
