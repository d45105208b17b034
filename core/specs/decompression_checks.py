"""What the options of a decompression must be, whatever models they name."""

from __future__ import annotations

import math
from dataclasses import replace

from assay.core.errors import InputError, OptionConflict
from assay.core.specs.addresses import is_address, read_address
from assay.core.specs.decompression import TREE_SHARE, DecompressionSpec, GradeSpec


def check_decompression(spec: DecompressionSpec) -> None:
    """InputError for impossible options."""
    check_address(spec.model)
    check_address(spec.judge)
    _check_other_servers(spec)
    _at_least("--depth", spec.depth, 1)
    _at_least("--samples", spec.n_samples, 1)
    _at_least("--examples", spec.n_examples, 0)
    if spec.judge and not spec.n_examples:
        raise OptionConflict(
            "--judge needs examples to grade",
            "--examples 0",
            "raise --examples, or remove --judge",
        )
    if spec.judge_served_model and not spec.judge:
        raise OptionConflict(
            "--judge-served-model needs the judge's server",
            "no --judge",
            "give its address with --judge",
        )
    for width in spec.expansion or (0,):
        _at_least("--expansion", width, 1)
    if not 1 <= spec.min_votes <= spec.n_samples:
        raise InputError(
            f"--min-votes from 1 to {spec.n_samples}, the number of samples",
            str(spec.min_votes),
            "lower it, or raise --samples",
        )
    if spec.branch_quota is not None:
        _at_least("--branch-quota", spec.branch_quota, 1)
    check_budget(spec.budget_calls, spec.budget_tokens)
    _check_first_lists(spec)
    if not 0 <= spec.min_new_share <= 1:
        raise InputError("--min-new-share from 0 to 1", str(spec.min_new_share), "correct it")
    if not 0 < spec.merge_cosine <= 1:
        raise InputError(
            "--merge-cosine above 0 and at most 1", str(spec.merge_cosine), "correct it"
        )
    if not 0 < spec.temperature < math.inf:
        raise InputError(
            "--temperature above 0, since support needs samples that differ",
            str(spec.temperature),
            "raise it",
        )


def check_address(model: str | None) -> None:
    """InputError, without the password, for an invalid server address."""
    if model and is_address(model):
        read_address(model)


def _check_other_servers(spec: DecompressionSpec) -> None:
    """InputError unless every one is the address of a server, and so is the model."""
    for one in spec.also_at or ():
        if not is_address(one):
            raise InputError("a server's address for --also-at", repr(one), "correct it")
        read_address(one)
    if spec.also_at and not is_address(spec.model):
        raise OptionConflict(
            "--also-at names other servers of the model at --model",
            "a --model on this machine",
            "give a server's address as --model, or remove --also-at",
        )


def _check_first_lists(spec: DecompressionSpec) -> None:
    """InputError if the budget is too small for the lists of top-level topics."""
    if spec.budget_calls is None or spec.budget_calls - calls_of_examples(spec) >= spec.n_samples:
        return
    least = spec.n_samples
    while least - calls_of_examples(replace(spec, budget_calls=least)) < spec.n_samples:
        least += 1
    raise InputError(
        f"--budget-calls of at least {least} for {spec.n_samples} lists of broad categories",
        str(spec.budget_calls),
        "raise it, or lower --samples",
    )


def calls_of_examples(spec: DecompressionSpec) -> int:
    """How many calls of the budget the tree leaves for the examples."""
    return round((spec.budget_calls or 0) * (1 - TREE_SHARE)) if spec.n_examples else 0


def check_budget(calls: int | None, tokens: int | None) -> None:
    """InputError for a budget of 0."""
    for option, number in (("--budget-calls", calls), ("--budget-tokens", tokens)):
        if number is not None:
            _at_least(option, number, 1)


def _at_least(option: str, number: int, least: int) -> None:
    if number < least:
        raise InputError(f"{option} of at least {least}", str(number), "raise it")


def check_grading(spec: GradeSpec) -> None:
    """InputError for impossible options of a grading."""
    check_address(spec.judge)
    check_budget(spec.budget_calls, spec.budget_tokens)
