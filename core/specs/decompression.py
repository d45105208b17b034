"""What a decompression asks, in plain values that the core, the store and the pages all share.

Nothing here imports more than the standard library and the core's plain values, so pages may use
it freely.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

from assay.core.errors import InputError
from assay.core.specs.addresses import without_password
from assay.core.specs.hashing import canonical_json

_Value = TypeVar("_Value")
EMBEDDED_MODEL = "builtin:smollm2"


class Prompting(StrEnum):
    """How a model is asked.

    Small models continue raw few-shot lines sensibly, and answer in JSON with form but without
    content; large instruction-tuned ones do better with JSON.
    """

    LINES = "lines"
    JSON = "json"


class Engine(StrEnum):
    """What runs a model in this process. A server runs what it likes."""

    LLAMA = "llama.cpp"
    TRANSFORMERS = "transformers"


class ParseOutcome(StrEnum):
    """How an answer was read: the rungs of the parsing ladder, the strictest first."""

    SCHEMA = "schema"  # JSON, its form enforced while it was generated
    STRICT = "strict"  # JSON as it should be
    REPAIRED = "repaired"  # JSON after json-repair, with something in it
    LINES = "lines"  # a list, or labelled parts, in plain text
    SCORED = "scored"  # a log-probability: nothing to read
    RETRY = "retry"  # could not be read, and was asked again
    FAILED = "failed"  # could not be read, and was not asked again


class Stop(StrEnum):
    """Why a topic was not asked for subtopics."""

    DEPTH = "depth"  # as deep as was asked for
    SATURATED = "saturated"  # its parent brought mostly topics already known
    QUOTA = "quota"  # its branch had its share of expansions
    BUDGET = "budget"  # no calls were left
    REFUSED = "refused"  # none of its lists was answered


class Style(StrEnum):
    """The kinds of task an example may set."""

    QUESTION = "question"
    HOW_TO = "how-to"
    COMPARE = "compare"
    CODE = "code"


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class QualityFlag(StrEnum):
    """What is noted of every example; a flagged one is kept."""

    VALIDITY = "validity"  # whether task, reasoning and response could be read
    LENGTH = "length"  # words in the response
    REPETITION = "repetition"  # share of the response's 4-grams that repeat an earlier one
    LANGUAGE = "language"  # probability that the response is in English
    NEAR_DUPLICATE = "near-duplicate"  # Jaccard similarity with the nearest earlier response


class Axis(StrEnum):
    """Quality as Nemotron's reward model grades it (HelpSteer), 0 to 4."""

    HELPFULNESS = "helpfulness"
    CORRECTNESS = "correctness"
    COHERENCE = "coherence"
    COMPLEXITY = "complexity"
    VERBOSITY = "verbosity"


HEURISTIC_JUDGE = "heuristic"
# Examples are to be good ones rather than different ones.
EXAMPLE_TEMPERATURE = 0.7
# Grades are whole numbers up to this; the heuristic's are between them.
BEST_GRADE = 4


@dataclass(frozen=True)
class DecompressionSpec:
    """One walk through one model's topics."""

    # A folder, GGUF file, hub or built-in name, or the address of an OpenAI-compatible server.
    model: str = EMBEDDED_MODEL
    # None chooses by the model: llama.cpp for GGUF files, transformers for folders.
    engine: Engine | None = None
    # On a server: which of its models; None takes the first it names.
    served_model: str | None = None
    # A model that grades the examples, named as ``model`` is; None leaves the heuristic alone.
    judge: str | None = None
    judge_served_model: str | None = None
    # None chooses by the model: lines for small ones, JSON for others. A judge is asked alike.
    prompting: Prompting | None = None
    depth: int = 2
    # Subtopics kept of each topic, from the root down; the last holds for all deeper levels.
    expansion: tuple[int, ...] = (8, 4)
    # Samples of each list of subtopics; a topic's support is in how many of them it is.
    n_samples: int = 16
    # A topic in fewer samples than this is no topic.
    min_votes: int = 2
    # Topics expanded under each broad category; None is no limit.
    branch_quota: int | None = None
    # Subtopics of a topic are not expanded if fewer of them than this share are new.
    min_new_share: float = 0.25
    # Names this close in embedding are one topic.
    merge_cosine: float = 0.9
    n_examples: int = 2
    styles: tuple[Style, ...] = tuple(Style)
    difficulties: tuple[Difficulty, ...] = tuple(Difficulty)
    # Of the lists of subtopics, whose differences support is counted from.
    temperature: float = 0.9
    # None is no limit. Of the calls, at most TREE_SHARE go to the tree.
    budget_calls: int | None = None
    budget_tokens: int | None = None
    seed: int = 0
    title: str = ""

    def expansion_at(self, level: int) -> int:
        """How many subtopics a topic of this level (the root is 0) keeps."""
        return self.expansion[min(level, len(self.expansion) - 1)]


@dataclass(frozen=True)
class GradeSpec:
    """Which sealed decompression is graded, and by which model; as in ``DecompressionSpec``."""

    decompression_id: str
    judge: str
    judge_served_model: str | None = None
    prompting: Prompting | None = None
    budget_calls: int | None = None
    budget_tokens: int | None = None


TREE_SHARE = 0.5


def to_plain(spec: DecompressionSpec) -> dict[str, Any]:
    """A spec as JSON-ready values, without the passwords of servers: this is what is kept."""
    plain: dict[str, Any] = json.loads(canonical_json(asdict(spec)))
    for name in ("model", "judge"):
        plain[name] = plain[name] and without_password(plain[name])
    return plain


def spec_from_plain(plain: Mapping[str, Any]) -> DecompressionSpec:
    """The spec that ``to_plain`` wrote; InputError where it wrote no such thing."""
    try:
        values = {name: _FIELDS[name](value) for name, value in plain.items()}
        return DecompressionSpec(**values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "the question of a decompression as Assay writes it",
            f"something else ({type(error).__name__}: {str(error)[:80]!r})",
            "decompress the model again",
        ) from error


def _is(kind: type[_Value]) -> Callable[[Any], _Value]:
    """Takes a value of exactly this kind; a whole number is a number."""

    def read(value: Any) -> _Value:
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise TypeError(f"{kind.__name__} expected")
        return value

    return read


def _or_none(read: Callable[[Any], _Value]) -> Callable[[Any], _Value | None]:
    return lambda value: None if value is None else read(value)


def _each(read: Callable[[Any], _Value]) -> Callable[[Any], tuple[_Value, ...]]:
    return lambda values: tuple(map(read, _is(list)(values)))


# How the plain value of each field is read.
_FIELDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("model", "title"), _is(str)),
    **dict.fromkeys(("served_model", "judge", "judge_served_model"), _or_none(_is(str))),
    **dict.fromkeys(("depth", "n_samples", "min_votes", "n_examples", "seed"), _is(int)),
    **dict.fromkeys(("branch_quota", "budget_calls", "budget_tokens"), _or_none(_is(int))),
    **dict.fromkeys(("min_new_share", "merge_cosine", "temperature"), _is(float)),
    "engine": _or_none(Engine),
    "prompting": _or_none(Prompting),
    "expansion": _each(_is(int)),
    "styles": _each(Style),
    "difficulties": _each(Difficulty),
}


def title_of(spec: DecompressionSpec) -> str:
    """What jobs and pages call it."""
    model = spec.served_model or without_password(spec.model).rstrip("/").rsplit("/", 1)[-1]
    return spec.title or f"Topics of {model}"
