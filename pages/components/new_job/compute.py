"""Where a new job's models run and in which number format."""

from __future__ import annotations

import streamlit as st

from assay.core.specs.compute import (
    DEVICE_HELP,
    PRECISION_HELP,
    PRECISIONS,
    compute_words,
    is_device,
)


def choose_compute() -> tuple[str, ...] | None:
    """The options to add to the command; None while the device is no name of one."""
    left, right = st.columns(2)
    device = left.text_input(
        "Device", key="new job: device", placeholder="the fastest available", help=DEVICE_HELP
    ).strip()
    precision = right.selectbox(
        "Precision", PRECISIONS, key="new job: precision", help=PRECISION_HELP
    )
    if device and not is_device(device):
        left.error("Expected cpu, mps, cuda or cuda:NUMBER; leave it empty for the fastest.")
        return None
    return compute_words(device, precision)
