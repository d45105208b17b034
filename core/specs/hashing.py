"""Canonical JSON and SHA-256 keys that identify contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; TypeError for a value that JSON cannot represent."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_key(*parts: Any) -> str:
    """SHA-256 (hex) over the canonical JSON of ``parts``."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()


def texts_key(texts: Iterable[str]) -> str:
    """SHA-256 (hex) over the ``exact_hash`` of each text, in order; one is in memory at a time."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(exact_hash(text).encode())
    return digest.hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 (hex, 32 characters) of a document's text, each run of whitespace as one space."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:32]


def exact_hash(text: str) -> str:
    """SHA-256 (hex, 32 characters) of the exact text: spaces affect its tokens."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
