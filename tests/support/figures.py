"""The figures of one experiment, made in two ways."""

from __future__ import annotations

import pandas as pd

from assay.cache.experiments.read import read_measurements


def assert_same_figures(one, other):
    """Two files hold the same figures, but for last bits.

    Cells that are made at the same time share a cache of sentence embeddings, and the last bits of
    a text's depend on the new texts beside it: so on who comes first.
    """
    pd.testing.assert_frame_equal(read_measurements(one), read_measurements(other), rtol=1e-4)
