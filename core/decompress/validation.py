"""Every doubt about a decompression's question, raised before any work."""

from __future__ import annotations

from assay.core.decompress.backends.base import Traits
from assay.core.errors import InputError
from assay.core.specs.decompression import DecompressionSpec


def check(spec: DecompressionSpec) -> None:
    """InputError for a question that cannot be asked."""
    _at_least("--depth", spec.depth, 1)
    _at_least("--samples", spec.n_samples, 1)
    _at_least("--examples", spec.n_examples, 0)
    if spec.judge and not spec.n_examples:
        raise InputError("--examples of at least 1 with --judge", "0", "raise it")
    if spec.judge_served_model and not spec.judge:
        raise InputError(
            "--judge with --judge-served-model", "none", "name the judge's server with --judge"
        )
    for width in spec.expansion or (0,):
        _at_least("--expansion", width, 1)
    if not 1 <= spec.min_votes <= spec.n_samples:
        raise InputError(
            f"--min-votes between 1 and the {spec.n_samples} samples",
            str(spec.min_votes),
            "lower it or raise --samples",
        )
    if spec.branch_quota is not None:
        _at_least("--branch-quota", spec.branch_quota, 1)
    check_budget(spec.budget_calls, spec.budget_tokens)
    if not 0 <= spec.min_new_share <= 1:
        raise InputError("--min-new-share between 0 and 1", str(spec.min_new_share), "change it")
    if not 0 < spec.merge_cosine <= 1:
        raise InputError("--merge-cosine above 0, at most 1", str(spec.merge_cosine), "change it")
    if spec.temperature <= 0:
        raise InputError(
            "--temperature above 0, since support is counted over samples that differ",
            str(spec.temperature),
            "raise it",
        )


def check_samples_differ(spec: DecompressionSpec, traits: Traits) -> None:
    """InputError where all samples of a question would be one answer: they would agree on all."""
    if traits.repeats_answers and not traits.is_told_apart_by_mark and spec.n_samples > 1:
        raise InputError(
            "a server that answers anew when asked again",
            "the same answer under every seed, and under every mark before the prompt",
            "switch off its cache, or ask with --samples 1 --min-votes 1, without support",
        )


def check_budget(calls: int | None, tokens: int | None) -> None:
    """InputError for a budget of nothing."""
    for option, number in (("--budget-calls", calls), ("--budget-tokens", tokens)):
        if number is not None:
            _at_least(option, number, 1)


def _at_least(option: str, number: int, least: int) -> None:
    if number < least:
        raise InputError(f"{option} of at least {least}", str(number), "raise it")
