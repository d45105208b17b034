"""Names for contents: canonical JSON and SHA-256 keys."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; a value JSON cannot hold is a TypeError, not a guess."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_key(*parts: Any) -> str:
    """SHA-256 (hex) over the canonical JSON of ``parts``."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 (hex, 32 characters) of a document's text, whitespace runs counted as one space."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:32]


def exact_hash(text: str) -> str:
    """SHA-256 (hex, 32 characters) of a text letter by letter: its tokens depend on its spaces."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
