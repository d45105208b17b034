"""Whether two decompressions were asked alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.decompress.command import OPTIONS


def differing_settings(
    first: Mapping[str, Any], second: Mapping[str, Any], settings: Collection[str]
) -> str | None:
    """Which of some fields of the spec differ, as options with both values; None if none does.

    ``first`` and ``second`` are what two decompressions say about themselves.
    """
    differing = [
        f"{OPTIONS[name]} {_shown(first, name)} and {_shown(second, name)}"
        for name in settings
        if setting(first, name) != setting(second, name)
    ]
    return "; ".join(differing) or None


def setting(meta: Mapping[str, Any], name: str) -> Any:
    """A field of the spec, or what was chosen for the model where the spec left it open."""
    return meta["prompting"] if name == "prompting" else meta["spec"][name]


def _shown(meta: Mapping[str, Any], name: str) -> str:
    value = setting(meta, name)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
