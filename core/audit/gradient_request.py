"""Which gradients an audit needs, and under which keys they are cached."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.models.examples import TextDocument
from assay.core.specs.hashing import exact_hash

# Part of every key: raise it when this stage's numbers change.
GRADIENT_VERSION = 6


@dataclass(frozen=True)
class GradientRequest:
    """Which gradients an audit needs, and where they are cached.

    ``stored_dimension`` and ``dimension``: of the cached projection, and of the part of it that the
    audit uses; both None if gradients are kept exactly.
    """

    key: str
    stored_dimension: int | None
    dimension: int | None


PROJECTION_SEED = 0


# How the gradient cache stores gradients that are not kept exactly.
STORED_DIMENSION = 4096


def document_key(document: TextDocument) -> str:
    """A document's key in the caches: its text and which part of it is scored."""
    if not document.n_prompt_characters:
        return exact_hash(document.text)
    return exact_hash(f"{document.n_prompt_characters}\0{document.text}")
