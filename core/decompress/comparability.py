"""Whether two decompressions asked their models in the same way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from assay.core.specs.commands import DECOMPRESS
from assay.core.specs.decompression import Engine
from assay.core.specs.results.decompression import DecompressionResult


def differing_settings(
    first: DecompressionResult, second: DecompressionResult, settings: Collection[str]
) -> str | None:
    """Which of some fields of the spec differ, as options with both values; None if none does.

    ``first`` and ``second`` are what two decompressions say about themselves.
    """
    differing = [
        f"{DECOMPRESS.flags[name]} {_shown(first, name)} and {_shown(second, name)}"
        for name in settings
        if _differ(first, second, name)
    ]
    return "; ".join(differing) or None


def setting(meta: DecompressionResult, name: str) -> Any:
    """A field of the spec, or what was chosen for the model if the spec left it open.

    The engine of a model on a server is unknown: None. Transformers without sampling limits, as in
    older runs, counts as a different engine, because it samples differently.
    """
    if name == "prompting":
        return meta.prompting
    if name == "engine":
        backend = meta.model.backend
        if backend == Engine.TRANSFORMERS and not meta.traits.get("honours_top_k"):
            return f"{backend}, drawing among all tokens,"
        return backend if backend in set(Engine) else None
    return meta.spec[name]


def _differ(first: DecompressionResult, second: DecompressionResult, name: str) -> bool:
    one, other = setting(first, name), setting(second, name)
    is_unknown = name == "engine" and None in (one, other)
    return bool(one != other) and not is_unknown


def _shown(meta: DecompressionResult, name: str) -> str:
    value = setting(meta, name)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
