"""Which gradients an audit needs, and under which keys they are kept."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.models.examples import TextDocument
from assay.core.specs.hashing import exact_hash

# Part of every key: raise it when the numbers this stage computes change.
GRADIENT_VERSION = 5


@dataclass(frozen=True)
class GradientRequest:
    """Which gradients an audit wants, and where they are kept.

    ``stored_dimension`` and ``dimension``: of the projection in the cache and of the part of it
    that the audit uses; both None where gradients are kept exactly.
    """

    key: str
    stored_dimension: int | None
    dimension: int | None


PROJECTION_SEED = 0


# What the gradient cache keeps of gradients that are not kept exactly.
STORED_DIMENSION = 4096


def document_key(document: TextDocument) -> str:
    """A document's key in the caches: what of it is scored matters as its text does."""
    if not document.n_prompt_characters:
        return exact_hash(document.text)
    return exact_hash(f"{document.n_prompt_characters}\0{document.text}")
