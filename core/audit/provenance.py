"""Versions, commit and hardware, so that another auditor can repeat the audit."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.core.runtime.device import Compute

_PACKAGES = (
    "torch",
    "transformers",
    "duckdb",
    "numpy",
    "scipy",
    "statsmodels",
    "POT",
    "sentence-transformers",
    "umap-learn",
    "datasketch",
    "datasets",
    "streamlit",
)


def environment(compute: Compute) -> dict[str, Any]:
    """Versions, commit, platform and how the models were run."""
    return {
        "assay_version": _version("assay-audit"),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "device": compute.device,
        "precision": compute.precision,
        "training_precision": compute.training_precision,
        "n_threads": compute.n_threads,
    }


# A process keeps what it has loaded, and reading the installed records takes a tenth of a second.
_version = cache(metadata.version)


def _commit() -> str | None:
    """The checkout's commit, if Assay runs from one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # a machine without git
        return None
    return result.stdout.strip() or None
