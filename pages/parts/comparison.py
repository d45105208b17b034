"""Cached reads of what sets selections beside each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from cache import comparison
from core.specs import Strategy

_N_CURVE_POINTS = 400


@st.cache_data(max_entries=8, show_spinner=False)
def places(path: Path) -> NDArray[np.float32]:
    return comparison.read_places(path)


@st.cache_data(max_entries=64, show_spinner=False)
def selected_places(path: Path, strategy: Strategy, limit: int) -> pd.DataFrame:
    return comparison.read_selected_places(path, strategy, limit)


@st.cache_data(max_entries=8, show_spinner=False)
def reference_places(path: Path, limit: int) -> pd.DataFrame:
    return comparison.read_reference_places(path, limit)


@st.cache_data(max_entries=64, show_spinner=False)
def overlap(path: Path) -> comparison.Overlap:
    return comparison.read_overlap(path)


@st.cache_data(max_entries=64, show_spinner=False)
def replacement_curve(path: Path) -> pd.DataFrame:
    return comparison.read_replacement_curve(path)


@st.cache_data(max_entries=64, show_spinner=False)
def random_objective(path: Path) -> pd.DataFrame:
    return comparison.read_random_objective(path, _N_CURVE_POINTS)


@st.cache_data(max_entries=64, show_spinner=False)
def label_counts(path: Path) -> pd.DataFrame:
    return comparison.read_label_counts(path)


@st.cache_data(max_entries=64, show_spinner=False)
def source_counts(path: Path) -> pd.DataFrame:
    return comparison.read_source_counts(path)
