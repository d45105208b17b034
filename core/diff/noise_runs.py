"""Which runs can be compared, and which pair of runs measures the noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from assay.cache.decompressions.read import list_decompressions, read_decompression
from assay.cache.store import Store
from assay.core.decompress.comparability import differing_settings
from assay.core.diff.decompressions import Run, find_run, read_run
from assay.core.errors import InputError
from assay.core.specs.commands import command_line
from assay.core.specs.results.decompression import DecompressionResult

# Settings that must be equal. One model on two engines differed by more than two seeds on one
# engine, when the engines sampled from different tokens; whole trees have not been compared since.
# Other settings only limit how far a run goes (budgets, quota, saturation, number of examples) and
# do no harm, because only questions that both runs were asked are compared.
SETTINGS = (
    "engine",
    "prompting",
    "depth",
    "expansion",
    "n_samples",
    "min_votes",
    "merge_cosine",
    "styles",
    "difficulties",
    "temperature",
)


@dataclass(frozen=True)
class RunPair:
    """Two runs that are compared: the two in question, or two of one model with different seeds."""

    first: Run
    second: Run


def check_alike(first: Run, second: Run) -> None:
    """InputError that names the settings in which two runs differ."""
    differing = differing_settings(first.meta, second.meta, SETTINGS)
    if differing:
        raise InputError(
            f"the same options for {first.name} and {second.name}",
            differing,
            "decompress one of the models again with the other's options",
        )


def given_noise(name: str, first: Run, second: Run, store: Store) -> RunPair:
    """A run given with --noise, paired with the run of the same model.

    InputError if it is not another run of either model, or adds no information.
    """
    run = read_run(find_run(store, name))
    for partner in (first, second):
        if run.model_sha256 != partner.model_sha256 or run.name in (first.name, second.name):
            continue
        check_alike(partner, run)
        if run.spec.seed != partner.spec.seed and not is_repeated(partner, run):
            return RunPair(partner, run)
    raise InputError(
        f"as --noise another run of the model of {first.name} or {second.name}, with another seed "
        "and its own answers",
        f"{run.name}, seed {run.spec.seed}, of {run.meta.model.name}",
        f"create one with `{noise_command(first, second)}`",
    )


def found_noise(first: Run, second: Run, store: Store) -> list[RunPair]:
    """For each of the two models, another run of it in the store: the one with the lowest seed."""
    paths = [
        store.decompressions / f"{one.decompression_id}.duckdb"
        for one in list_decompressions(store)
        if one.problem is None
    ]
    known = sorted(((read_decompression(path), path) for path in paths), key=_by_seed)
    pairs = []
    for partner in (first,) if first.name == second.name else (first, second):
        found = _another_run(partner, (first.name, second.name), known)
        if found:
            pairs.append(RunPair(partner, found))
    return pairs


def is_repeated(first: Run, second: Run) -> bool:
    """Whether a run's first lists repeat another's word for word.

    A server with cached answers returns them again, and the two runs then do not differ at all.
    """
    one, other = first.questions[()], second.questions[()]
    return sorted(one.texts) == sorted(other.texts)


def noise_command(first: Run, second: Run) -> str:
    """The command for another run of the first run's model, with a seed that neither has."""
    taken = {first.spec.seed, second.spec.seed}
    seed = next(seed for seed in range(3) if seed not in taken)
    return command_line(replace(first.spec, seed=seed, title=""))


def _another_run(
    partner: Run, taken: Iterable[str], known: Iterable[tuple[DecompressionResult, Path]]
) -> Run | None:
    for meta, path in known:
        is_other = path.stem not in taken and meta.asked.seed != partner.spec.seed
        is_same_model = meta.model.sha256 == partner.model_sha256
        is_alike = differing_settings(meta, partner.meta, SETTINGS) is None
        if is_other and is_same_model and is_alike:
            run = read_run(path)
            if not is_repeated(partner, run):
                return run
    return None


def _by_seed(known: tuple[DecompressionResult, Path]) -> tuple[int, str]:
    meta, path = known
    return meta.asked.seed, path.stem
