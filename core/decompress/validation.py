"""Where a backend differs from what it is asked: reported before any work, or refused."""

from __future__ import annotations

from assay.core.decompress.backends.base import Traits
from assay.core.errors import InputError
from assay.core.specs.decompression import DecompressionSpec


def remarks(traits: Traits) -> list[str]:
    """Remarks about a backend that does not support what it is asked for."""
    refused = [name for name in traits.refuses if name != "max_tokens"]
    found = [
        f"the server rejects {name}; it is left out, so the server's default applies"
        for name in refused
    ]
    if "seed" in refused:
        found.append("without seeds, the same command in another store gets other answers")
    return found


def check_samples_differ(spec: DecompressionSpec, traits: Traits) -> None:
    """InputError if all samples of a question would be the same answer, and so always agree."""
    if traits.repeats_answers and not traits.is_told_apart_by_mark and spec.n_samples > 1:
        raise InputError(
            "a server that gives new samples for new seeds",
            "the same answer every time, even to a changed prompt",
            "switch off its cache, or use --samples 1 --min-votes 1, which measures no support",
        )
