"""What every result says about itself: its title, when it was made, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TEXTS = ("command", "assay_version", "base_weights_sha256", "final_weights_sha256")


@dataclass(frozen=True)
class Result:
    """``provenance``: facts shown unchanged; those that Assay itself reads are properties.

    ValueError if one of these is not text.
    """

    title: str
    created_at: str
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        for name in _TEXTS:
            if not isinstance(self.provenance.get(name), str | None):
                raise ValueError(f"{name} in provenance is not text")

    @property
    def command(self) -> str | None:
        """The command that repeats it."""
        return self.provenance.get("command")

    @property
    def assay_version(self) -> str | None:
        return self.provenance.get("assay_version")

    @property
    def pair(self) -> tuple[str, str] | None:
        """Digests of the base and the final model's weights; None if they were not recorded."""
        return pair_of(self.provenance)


def pair_of(provenance: Mapping[str, Any]) -> tuple[str, str] | None:
    """The two digests, from a provenance; None if they were not recorded."""
    base, final = (provenance.get(f"{role}_weights_sha256") for role in ("base", "final"))
    return (base, final) if base and final else None
