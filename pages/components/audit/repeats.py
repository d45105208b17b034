"""An audit together with its repeats: the same options, final models trained with other seeds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from assay.cache.audits.repeats import read_repeats, repeats_of
from assay.cache.export import of_audit
from assay.cache.store import Store
from assay.core.findings.repeats import HOW_REPEATS_READ, spread_table
from assay.core.specs.metrics import Metric
from assay.pages.components.export import exported_table


def show_over_seeds(path: Path, subjects: Iterable[str], shown: Iterable[Metric]) -> bool:
    """A table of means over final models; False, and nothing shown, if there is only one."""
    paths = repeats_of(Store.default(), path)
    if len(paths) < 2:
        return False
    st.subheader(f"Over {len(paths)} final models", anchor=False)
    exported_table(
        of_audit(path),
        "over-seeds",
        spread_table(read_repeats(paths), subjects, shown),
        note=HOW_REPEATS_READ,
    )
    return True
