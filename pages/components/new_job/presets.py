"""Settings to begin with, and config files: both are what `--config` reads."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from assay.core.errors import InputError
from assay.core.specs.commands import COMMANDS
from assay.core.specs.config_file import config_text, parse_config
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.new_job.form_state import Filled, Form

_FILE = Path(__file__).parent / "presets.toml"
_MOST_BYTES = 100_000
_OWN = "none: my own settings"


@dataclass(frozen=True)
class Preset:
    """``given``: options of the command by name."""

    command: str
    title: str
    about: str
    given: Mapping[str, Any]


@cache
def presets() -> tuple[Preset, ...]:
    """All of them, their options checked."""
    found = []
    for plain in tomllib.loads(_FILE.read_text(encoding="utf-8"))["preset"]:
        options = {one.key: one for one in COMMANDS[plain["command"]].options}
        given = {
            options[key].name: options[key].read(value) for key, value in plain["options"].items()
        }
        found.append(Preset(plain["command"], plain["title"], plain["about"], given))
    return tuple(found)


def choose_preset(form: Form) -> None:
    """A choice of presets; choosing one fills in the form."""
    own = {one.title: one for one in presets() if one.command == form.kind.name}
    if not own:
        return
    key = form.key("preset")

    def fill() -> None:
        chosen = own.get(st.session_state[key])
        if chosen is not None:
            form.fill(chosen.given)

    st.selectbox("Start from a preset", [_OWN, *own], key=key, on_change=fill)
    chosen = own.get(st.session_state[key])
    if chosen is not None:
        st.caption(markdown_safe(chosen.about))


def _leave_preset(form: Form) -> None:
    """Choose none, and forget a file that was refused: the form is filled in otherwise."""
    for name in ("preset", "config error"):
        st.session_state.pop(form.key(name), None)


def load_config(form: Form) -> None:
    """A file as `--save-config` writes it, put into the form."""
    key = form.key("config")

    def fill() -> None:
        given = st.session_state[key]
        if given is None:
            return
        try:
            if given.size > _MOST_BYTES:
                raise InputError("a config file", f"{given.size:,} bytes", "choose another file")
            text = given.getvalue().decode("utf-8", errors="replace")
            form.fill(parse_config(text, form.kind.command, given.name[:80]))
            _leave_preset(form)
        except InputError as error:
            st.session_state[form.key("config error")] = str(error)

    st.file_uploader(
        "Load options from a file (`--config`)",
        type=["toml"],
        max_upload_size=1,
        key=key,
        on_change=fill,
    )
    if error := st.session_state.get(form.key("config error")):
        st.error(markdown_safe(error))


def save_config(form: Form, filled: Filled) -> None:
    """The same file, to keep: `--save-config`."""
    if filled.spec is None or not form.kind.command.has_config:
        return
    st.download_button(
        "Save as TOML",
        config_text(form.kind.command, filled.given),
        file_name=f"{form.kind.name}.toml",
        mime="application/toml",
        on_click="ignore",
        icon=":material/save:",
        help="Options for `--config`.",
    )
