"""Where a new job's models run, in which number format, in how much memory, and on what.

All that the command line offers, but for two choices. `--shard` computes a part here and now and
is no job. The address of a cluster elsewhere is left out, because whoever runs that cluster could
run code on this machine: a visitor may only choose the cluster that this machine is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from assay.core.engines.ray_engine import check_ray_there
from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.audit_checks import check_device
from assay.core.specs.compute import (
    ADDRESS_HELP,
    CELL_ENGINE_HELP,
    DEVICE_HELP,
    ENGINE_HELP,
    PRECISION_HELP,
    PRECISIONS,
    SPLIT_HELP,
    WorkEngine,
    compute_words,
    is_device,
)
from assay.core.specs.diff import DiffSpec
from assay.core.specs.experiment import ExperimentSpec
from assay.core.specs.memory_size import MEMORY_HELP, read_memory
from assay.core.specs.report import ReportSpec
from assay.core.specs.suspect import SuspectSpec
from assay.pages.components.new_job.form_state import COMPUTE, kept_forms

# Of Ray: the cluster that this machine is in.
_RUNNING_CLUSTER = "auto"
COMPUTE_FLAGS = ("--device", "--precision", "--memory", "--engine", "--address")
_KEYS = {flag: f"new job: {flag.removeprefix('--')}" for flag in COMPUTE_FLAGS}


@dataclass(frozen=True)
class _Asked:
    """What was chosen, each as the command line takes it; "" for what was not."""

    device: str = ""
    precision: str = PRECISIONS[0]
    memory: str = ""
    engine: WorkEngine = WorkEngine.LOCAL
    address: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        return compute_words(self.device, self.precision, self.memory, self.engine, self.address)


def compute_flags(kind: type) -> tuple[str, ...]:
    """The options that a job of this kind of spec may have besides those of the spec."""
    if kind is ReportSpec:
        return ()
    flags = ["--device"]
    if kind is not DiffSpec:
        flags.append("--precision")
    if kind is AuditSpec:
        flags.append("--memory")
    if kind in (AuditSpec, ExperimentSpec):
        flags += ["--engine", "--address"]
    return tuple(flags)


def fits_compute(key: str, value: Any) -> bool:
    """Whether a field of these may hold the value."""
    choices = {
        "new job: precision": PRECISIONS,
        "new job: engine": tuple(WorkEngine),
        "new job: address": (None, _RUNNING_CLUSTER),
    }
    is_known = key in _KEYS.values()
    return is_known and (value in choices[key] if key in choices else isinstance(value, str))


def check_compute(given: Mapping[str, str]) -> None:
    """InputError if no visitor could choose the values that these flags have."""
    for flag, value in given.items():
        if not fits_compute(_KEYS[flag], value):
            raise InputError(f"a value for {flag} that a form offers", repr(value), "change it")


def begin_with_compute(given: Mapping[str, str]) -> None:
    """Let the fields hold the values of these flags when they are drawn next, and defaults
    everywhere else."""
    kept_forms()[COMPUTE] = {_KEYS[flag]: value for flag, value in given.items()}
    for key in _KEYS.values():
        st.session_state.pop(key, None)


def choose_compute(kind: type, spec: Any) -> tuple[str, ...] | None:
    """The options to add to the command; None while one of them cannot be right.

    ``kind``: of the spec. ``spec``: as far as it is known, or None.
    """
    flags = compute_flags(kind)
    if not flags:
        return ()
    kept = kept_forms().setdefault(COMPUTE, {})
    for key in _KEYS.values():
        if key in kept and key not in st.session_state:
            st.session_state[key] = kept[key]
    may_split = kind in (AuditSpec, SuspectSpec)
    places = iter(st.columns(max(2, len(flags))))
    at_device = next(places)
    device = _text(at_device, "device", "the fastest available", _device_help(may_split))
    precision, memory, engine, address = PRECISIONS[0], "", WorkEngine.LOCAL, ""
    if "--precision" in flags:
        precision = next(places).selectbox(
            "Precision", PRECISIONS, key="new job: precision", help=PRECISION_HELP
        )
    at_memory = next(places) if "--memory" in flags else at_device
    if "--memory" in flags:
        memory = _text(at_memory, "memory", "as much as is free", MEMORY_HELP)
    at_engine = next(places) if "--engine" in flags else at_device
    if "--engine" in flags:
        engine, address = _engine(at_engine, next(places), kind)
    kept.update({key: st.session_state[key] for key in _KEYS.values() if key in st.session_state})
    asked = _Asked(device, precision, memory, engine, address)
    wrong = _wrong(asked, spec, may_split)
    for place, sentence in (
        (at_device, wrong.get("device")),
        (at_memory, wrong.get("memory")),
        (at_engine, wrong.get("engine")),
    ):
        if sentence:
            place.error(sentence)
    return None if wrong else asked.words


def _text(place: DeltaGenerator, name: str, unset: str, about: str) -> str:
    key = f"new job: {name}"
    return place.text_input(name.capitalize(), key=key, placeholder=unset, help=about).strip()


def _device_help(may_split: bool) -> str:
    return SPLIT_HELP if may_split else DEVICE_HELP


def _engine(
    place: DeltaGenerator, at_address: DeltaGenerator, kind: type
) -> tuple[WorkEngine, str]:
    about = ENGINE_HELP if kind is AuditSpec else CELL_ENGINE_HELP
    engine = place.selectbox("Engine", list(WorkEngine), key="new job: engine", help=about)
    address = at_address.selectbox(
        "Address",
        [_RUNNING_CLUSTER],
        index=None,
        key="new job: address",
        disabled=engine == WorkEngine.LOCAL,
        placeholder="a new one",
        help=f"{ADDRESS_HELP} From here only the cluster that this machine is in: auto.",
    )
    return WorkEngine(str(engine)), (address or "") if engine == WorkEngine.RAY else ""


def _wrong(asked: _Asked, spec: Any, may_split: bool) -> dict[str, str]:
    """What cannot be right, by field."""
    wrong = {}
    if asked.device and not is_device(asked.device, may_split):
        names = (
            "cpu, mps, cuda, cuda:NUMBER or all" if may_split else "cpu, mps, cuda or cuda:NUMBER"
        )
        wrong["device"] = f"Expected {names}; leave it empty for the fastest."
    if isinstance(spec, AuditSpec):
        try:
            check_device(spec, asked.device, asked.engine, is_bounded=bool(asked.memory))
        except InputError as conflict:
            wrong["device"] = conflict.sentence
    try:
        if asked.memory:
            read_memory(asked.memory)
    except InputError:
        wrong["memory"] = "Expected a size with its unit, such as 4GiB; or leave it empty."
    try:
        if asked.engine is WorkEngine.RAY:
            check_ray_there()
    except InputError as missing:
        wrong["engine"] = missing.sentence
    return wrong
