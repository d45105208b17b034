"""Assay shows what a released language model's weights reveal about its fine-tuning data.

These are the names for notebooks (docs/notebook.md). Each is loaded when first used, so
``import assay`` is fast::

    audit = assay.audit(base="base/", final="final/", seed_corpus="pool.parquet", budget=500)
    print(audit.finding.headline)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.core.api.ask import audit
    from assay.core.api.audit import Audit
    from assay.core.api.compare import AuditComparison, compare
    from assay.core.api.open import list_audits, open_audit
    from assay.core.api.select import select
    from assay.core.errors import InputError
    from assay.core.selection.greedy import Selection
    from assay.core.specs.audit import AuditSpec
    from assay.core.specs.data import DataRef
    from assay.core.specs.strategies import Strategy
    from assay.core.specs.training import TrainingSpec

    __version__: str

__all__ = [
    "Audit",
    "AuditComparison",
    "AuditSpec",
    "DataRef",
    "InputError",
    "Selection",
    "Strategy",
    "TrainingSpec",
    "__version__",
    "audit",
    "compare",
    "list_audits",
    "open_audit",
    "select",
]

_MODULES = {
    "Audit": "assay.core.api.audit",
    "AuditComparison": "assay.core.api.compare",
    "AuditSpec": "assay.core.specs.audit",
    "DataRef": "assay.core.specs.data",
    "InputError": "assay.core.errors",
    "Selection": "assay.core.selection.greedy",
    "Strategy": "assay.core.specs.strategies",
    "TrainingSpec": "assay.core.specs.training",
    "audit": "assay.core.api.ask",
    "compare": "assay.core.api.compare",
    "list_audits": "assay.core.api.open",
    "open_audit": "assay.core.api.open",
    "select": "assay.core.api.select",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("assay-audit")
    elif name in _MODULES:
        value = getattr(import_module(_MODULES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
