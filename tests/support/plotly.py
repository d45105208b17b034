"""What a page sends to Plotly."""

from __future__ import annotations

import base64
import json

import numpy as np


def drawn(app, number=0):
    """A page's chart, as its figure's fields."""
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def numbers(values):
    """What Plotly is sent: a list, or bytes with their type."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.asarray(values)
