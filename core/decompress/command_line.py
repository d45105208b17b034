"""The command line that asks a decompression's question again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from assay.core.specs.decompression import DecompressionSpec

# An option that repeats is given once a value.
OPTIONS = {
    "model": "--model",
    "engine": "--engine",
    "served_model": "--served-model",
    "judge": "--judge",
    "judge_served_model": "--judge-served-model",
    "prompting": "--prompting",
    "depth": "--depth",
    "expansion": "--expansion",
    "n_samples": "--samples",
    "min_votes": "--min-votes",
    "branch_quota": "--branch-quota",
    "min_new_share": "--min-new-share",
    "merge_cosine": "--merge-cosine",
    "n_examples": "--examples",
    "styles": "--style",
    "difficulties": "--difficulty",
    "temperature": "--temperature",
    "budget_calls": "--budget-calls",
    "budget_tokens": "--budget-tokens",
    "seed": "--seed",
    "title": "--title",
}


def decompress_command(spec: DecompressionSpec) -> str:
    """`assay decompress …` with the seed and every option that is not at its default."""
    return f"assay decompress {shlex.join(_options(spec))}"


def _options(spec: DecompressionSpec) -> Iterator[str]:
    default = DecompressionSpec()
    for name, option in OPTIONS.items():
        value = getattr(spec, name)
        if value == getattr(default, name) and name != "seed":
            continue
        for one in value if isinstance(value, tuple) else (value,):
            yield from (option, str(one))
