"""What was run on what, so that another auditor can repeat it."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.core.data.place import named_as
from assay.core.runtime.device import Compute
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef

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
        "assay_version": metadata.version("assay-audit"),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "device": compute.device,
        "precision": compute.precision,
        "n_threads": compute.n_threads,
    }


@dataclass(frozen=True)
class _Columns:
    """The columns that a command names for all its sources; a source with others says so itself."""

    text: str
    label: str | None
    prompt: str | None

    @classmethod
    def of(cls, spec: AuditSpec) -> _Columns:
        own = next((ref for ref in spec.seed_corpus if not ref.is_decompression), DataRef(""))
        labelled = spec.reference or spec.test
        return cls(own.text_column, labelled and labelled.label_column, own.prompt_column)

    def name(self, ref: DataRef) -> str:
        return named_as(ref, self.text, self.label, self.prompt)


def _commit() -> str | None:
    """The checkout's commit, where Assay runs from one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # a machine without git
        return None
    return result.stdout.strip() or None
