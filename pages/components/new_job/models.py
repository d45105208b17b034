"""What was found of the models that a form names, by their files' headers alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import streamlit as st

from assay.core.errors import InputError
from assay.core.findings.formatting import NOTHING
from assay.core.models.hub_models import downloaded_hub_model
from assay.core.models.hub_outline import hub_facts
from assay.core.models.locate import builtin_model
from assay.core.models.pair_outlook import Asked, PairOutlook, pair_outlook
from assay.core.models.stored_facts import StoredFacts, stored_facts
from assay.core.specs.addresses import is_address
from assay.core.specs.audit import GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.options import CommandOption, Names
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.new_job.asking import ask_button
from assay.pages.components.new_job.form_state import Form

_OF_MODELS = (Names.MODEL, Names.SPEAKER)


@dataclass(frozen=True)
class NotHere:
    """A model on the hub that is not on this machine; ``asked``: where it is kept that somebody
    wants it looked up, as nothing is fetched unasked."""

    name: str
    asked: str


Found: TypeAlias = StoredFacts | NotHere | str


def found_models(form: Form, wrong: Collection[str]) -> dict[str, Found]:
    """For each option that names a model: its facts, or why there are none; nothing of those that
    are not filled in or ``wrong``, which say so themselves."""
    found: dict[str, Found] = {}
    for one in form.kind.command.options:
        name = form.raw(one.name)
        is_named = one.declared.names in _OF_MODELS and name and one.name not in wrong
        if is_named and not is_address(name):
            try:
                found[one.name] = _facts(form, one, name)
            except InputError as error:
                found[one.name] = str(error)
    return found


def show_models(form: Form, found: dict[str, Found]) -> PairOutlook | None:
    """A table of what was found; of a pair, what stops a job and what it can say at best."""
    known = {name: facts for name, facts in found.items() if isinstance(facts, StoredFacts)}
    if known:
        table = pd.DataFrame({name: _shown(facts) for name, facts in known.items()})
        st.dataframe(table, height="content")
        st.caption("Read from the configuration and the headers of the weights; nothing is loaded.")
    for name, one in found.items():
        if isinstance(one, str):
            st.warning(markdown_safe(f"{name}: {one}"), icon=":material/report:")
        elif isinstance(one, NotHere):
            _offer_to_look(name, one)
    if not {"base", "final"} <= known.keys():
        return None
    outlook = pair_outlook(known["base"], known["final"], _asked(form))
    for sentence in outlook.problems:
        st.error(markdown_safe(sentence), icon=":material/block:")
    for sentence in outlook.limits:
        st.warning(markdown_safe(sentence), icon=":material/info:")
    for sentence in outlook.notes:
        st.caption(markdown_safe(sentence))
    return outlook


def _asked(form: Form) -> Asked:
    is_same = form.raw("base") == form.raw("final")
    layers = form.raw("gradient_layers") or GradientLayers.LAST_LAYER
    tokens = form.raw("max_tokens")
    return Asked(
        Task(form.raw("task")),
        GradientLayers(layers),
        bool(form.raw("label_words")),
        tokens if isinstance(tokens, int) else None,
        is_same,
    )


def _offer_to_look(option: str, model: NotHere) -> None:
    sentence = (
        f"{option}: {model.name} is not on this machine yet. The job downloads it from the hub."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/cloud_download: {markdown_safe(sentence)}", width="content")
        ask_button(
            "Check on the hub",
            model.asked,
            "Reads the configuration and the headers of the weights from the hub, which needs a "
            "network. The weights themselves are not fetched.",
            ":material/search:",
            option,
        )


def _facts(form: Form, one: CommandOption, name: str) -> Found:
    place = form.checker.checked(one, name)
    path = builtin_model(place) or Path(place)
    if not path.is_absolute():
        cached = downloaded_hub_model(place)
        if cached is None:
            asked = form.key(f"look up {place}")
            return (
                _looked_up(place, asked) if st.session_state.get(asked) else NotHere(place, asked)
            )
        path = cached
    return _read(str(path), _stamp(path))


def _looked_up(name: str, asked: str) -> StoredFacts:
    try:
        return _on_the_hub(name)
    except InputError:
        st.session_state[asked] = False  # otherwise each run of the form would ask again
        raise


@st.cache_data(max_entries=32, ttl="10m", show_spinner="Reading headers from the hub …")
def _on_the_hub(name: str) -> StoredFacts:
    return hub_facts(name)


@st.cache_data(max_entries=64, show_spinner=False)
def _read(path: str, stamp: float) -> StoredFacts:
    return stored_facts(Path(path))


def _stamp(path: Path) -> float:
    """Changes with the files of a folder."""
    try:
        files = [path, *path.iterdir()] if path.is_dir() else [path]
        return sum(file.stat().st_mtime for file in files[:200])
    except OSError:
        return 0.0


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e3:,.0f} kB" if n_bytes < 1e6 else f"{n_bytes / 1e6:,.1f} MB"


def _shown(facts: StoredFacts) -> dict[str, str]:
    def number(value: int | None) -> str:
        return NOTHING if value is None else f"{value:,}"

    tied = {None: NOTHING, True: "yes", False: "no"}[facts.is_tied]
    return {
        "type": facts.kind,
        "architecture": facts.architecture or NOTHING,
        "size on disk": _size(facts.n_bytes),
        "weights": number(facts.n_parameters),
        "stored as": facts.number_format or NOTHING,
        "layers": number(facts.n_layers),
        "width": number(facts.width),
        "vocabulary (rows)": number(facts.n_rows),
        "most tokens": number(facts.max_positions),
        "embeddings tied": tied,
        "labels": number(facts.n_labels),
        "tokenizer": "yes" if facts.has_tokenizer else "no",
        "adapter changes": ", ".join(facts.adapter_targets) or NOTHING,
    }
