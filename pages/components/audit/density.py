"""Where a pool's documents lie on the map, as bins: the size does not grow with the pool."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

_N_BINS = 48


def density(places: NDArray[np.float32]) -> go.Heatmap:
    """The density of documents at ``places`` (n × 2) behind a chart's points."""
    counts, x_edges, y_edges = np.histogram2d(places[:, 0], places[:, 1], bins=_N_BINS)
    return go.Heatmap(
        x=(x_edges[1:] + x_edges[:-1]) / 2,
        y=(y_edges[1:] + y_edges[:-1]) / 2,
        z=np.where(counts > 0, counts, np.nan).T,
        colorscale=[[0, "rgba(139,146,154,0.10)"], [1, "rgba(139,146,154,0.65)"]],
        showscale=False,
        hoverinfo="skip",
    )
