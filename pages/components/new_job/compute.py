"""Where a new job's models run, in which number format, and in how much memory."""

from __future__ import annotations

from typing import Any

import streamlit as st

from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec, SuspectSpec
from assay.core.specs.audit_checks import check_device
from assay.core.specs.compute import (
    DEVICE_HELP,
    PRECISION_HELP,
    PRECISIONS,
    SPLIT_HELP,
    compute_words,
    is_device,
)
from assay.core.specs.memory_size import MEMORY_HELP, read_memory


def choose_compute(kind: type, spec: Any) -> tuple[str, ...] | None:
    """The options to add to the command; None while one of them cannot be right.

    ``kind``: of the spec. An audit's memory can be bounded, and a model pair can be split over
    devices. ``spec``: as far as it is known, or None.
    """
    is_audit, may_split = kind is AuditSpec, kind in (AuditSpec, SuspectSpec)
    columns = st.columns(3 if is_audit else 2)
    device = (
        columns[0]
        .text_input(
            "Device",
            key="new job: device",
            placeholder="the fastest available",
            help=SPLIT_HELP if may_split else DEVICE_HELP,
        )
        .strip()
    )
    precision = columns[1].selectbox(
        "Precision", PRECISIONS, key="new job: precision", help=PRECISION_HELP
    )
    memory = ""
    if is_audit:
        memory = (
            columns[2]
            .text_input(
                "Memory", key="new job: memory", placeholder="as much as is free", help=MEMORY_HELP
            )
            .strip()
        )
    is_right = True
    if device and not is_device(device, may_split):
        names = (
            "cpu, mps, cuda, cuda:NUMBER or all" if may_split else "cpu, mps, cuda or cuda:NUMBER"
        )
        columns[0].error(f"Expected {names}; leave it empty for the fastest.")
        is_right = False
    if isinstance(spec, AuditSpec):
        try:
            check_device(spec, device, is_bounded=bool(memory))
        except InputError as conflict:
            columns[0].error(conflict.sentence)
            is_right = False
    try:
        if memory:
            read_memory(memory)
    except InputError:
        columns[2].error("Expected a size with its unit, such as 4GiB; or leave it empty.")
        is_right = False
    return compute_words(device, precision, memory) if is_right else None
