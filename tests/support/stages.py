"""The stages of a run, from what it says on stderr."""

from __future__ import annotations


def stages_of(progress: str) -> list[str]:
    """In the order in which they began."""
    return [line.removesuffix(" …") for line in progress.splitlines() if line.endswith(" …")]
