"""A decompression's options as plain values that the core, the store and the pages share.

It imports only the standard library and the core's plain values, so pages may use it freely.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay.core.specs.addresses import without_password
from assay.core.specs.options import Declared, Names, option
from assay.core.specs.place_names import name_of
from assay.core.specs.plain import to_plain

EMBEDDED_MODEL = "builtin:smollm2"


class Prompting(StrEnum):
    """How a model is prompted.

    Small models continue raw few-shot lines sensibly, while their JSON has the right form and no
    content; large instruction-tuned models do better with JSON.
    """

    LINES = "lines"
    JSON = "json"


class Engine(StrEnum):
    """What runs a model in this process. A server decides for itself."""

    LLAMA = "llama.cpp"
    TRANSFORMERS = "transformers"


class ParseOutcome(StrEnum):
    """How an answer was parsed, from the strictest way to the most lenient."""

    SCHEMA = "schema"  # JSON, its form enforced during generation
    STRICT = "strict"  # valid JSON
    REPAIRED = "repaired"  # JSON after json-repair, with something in it
    LINES = "lines"  # a list, or labelled parts, in plain text
    SCORED = "scored"  # a log-probability: nothing to read
    RETRY = "retry"  # could not be parsed, and was asked again
    FAILED = "failed"  # could not be parsed, and was not asked again


class Stop(StrEnum):
    """Why a topic was not expanded."""

    DEPTH = "depth"  # the maximum depth was reached
    SATURATED = "saturated"  # most of its parent's subtopics were already known
    QUOTA = "quota"  # its branch used up its expansions
    BUDGET = "budget"  # no calls were left
    REFUSED = "refused"  # none of its lists was answered


class Style(StrEnum):
    """The kinds of task that an example may pose."""

    QUESTION = "question"
    HOW_TO = "how-to"
    COMPARE = "compare"
    CODE = "code"


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class QualityFlag(StrEnum):
    """Measured for every example; a flagged example is kept."""

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
# Examples should be good rather than different.
EXAMPLE_TEMPERATURE = 0.7
# Judges give whole numbers up to this; the heuristic gives any value between.
BEST_GRADE = 4


_JUDGE_SERVED_MODEL: Declared = {"help": "If the judge is a server: which of its models to use."}
_PROMPTING: Declared = {
    "help": "How to prompt the model: lines suits small models, json others.",
    "unset": "chosen by model",
}
_BUDGET_CALLS: Declared = {"help": "Stop after this many model calls.", "is_main": True}
_BUDGET_TOKENS: Declared = {
    "help": "Stop after this many tokens, prompts and answers together. Estimated from bytes if a "
    "server does not report them."
}


@dataclass(frozen=True)
class DecompressionSpec:
    """One traversal of one model's topics."""

    model: str = option(
        EMBEDDED_MODEL,
        help="A folder, GGUF file, hub name, builtin:NAME, or the address of an OpenAI-compatible "
        "server (put its key into the variable ASSAY_API_KEY).",
        is_main=True,
        names=Names.SPEAKER,
    )
    # Other servers of the same model; the calls are divided among all.
    also_at: tuple[str, ...] | None = option(
        None,
        help="The address of another server of the same model, which takes a part of the calls. "
        "Repeat for several.",
        unset="none",
    )
    # None chooses by the model: llama.cpp for GGUF files, transformers for folders.
    engine: Engine | None = option(
        None,
        help="What runs the model on this machine. Use the same for two models that you want to "
        "compare.",
        unset="chosen by model",
    )
    # On a server: which of its models; None takes the first it names.
    served_model: str | None = option(
        None, help="If --model is a server: which of its models to use.", unset="the first"
    )
    # A model that grades the examples, named like ``model``; None uses the heuristic alone.
    judge: str | None = option(
        None,
        help="A model to grade every example, in any form that --model takes.",
        is_main=True,
        names=Names.SPEAKER,
        unset="only a heuristic grades",
    )
    judge_served_model: str | None = option(None, **_JUDGE_SERVED_MODEL)
    # None chooses by the model: lines for small ones, JSON for others. Also how a judge is asked.
    prompting: Prompting | None = option(None, **_PROMPTING)
    depth: int = option(2, help="Levels of the topic tree.", is_main=True)
    # From the root down; the last one also applies to all deeper levels.
    expansion: tuple[int, ...] = option(
        (8, 4), help="Subtopics to keep per topic. Repeat for deeper levels.", is_main=True
    )
    n_samples: int = option(
        16,
        flag="samples",
        help="Lists of subtopics to sample per topic.",
    )
    min_votes: int = option(2, help="Ignore subtopics that appear in fewer lists than this.")
    branch_quota: int | None = option(
        None,
        help="Maximum number of topics to expand under each top-level topic.",
        unset="no limit",
    )
    min_new_share: float = option(
        0.25, help="Stop expanding below a topic if less than this share of its subtopics is new."
    )
    merge_cosine: float = option(
        0.9, help="Merge topic names whose embeddings have at least this cosine."
    )
    n_examples: int = option(
        2,
        flag="examples",
        help="Examples (task, reasoning, response) to write per topic.",
        is_main=True,
    )
    styles: tuple[Style, ...] = option(
        tuple(Style), flag="style", help="Kinds of task to write. Repeat for several."
    )
    difficulties: tuple[Difficulty, ...] = option(
        tuple(Difficulty), flag="difficulty", help="Difficulties to ask for. Repeat for several."
    )
    temperature: float = option(
        0.9,
        help="Temperature for lists of subtopics. Examples always use "
        f"{EXAMPLE_TEMPERATURE}, the judge 0.",
    )
    # None means no limit. At most TREE_SHARE of the calls go to the tree.
    budget_calls: int | None = option(None, **_BUDGET_CALLS)
    budget_tokens: int | None = option(None, **_BUDGET_TOKENS)
    seed: int = option(0, minimum=0, help="Random seed.")
    title: str = option("", help="Title shown in the dashboard.", is_main=True)

    def expansion_at(self, level: int) -> int:
        """How many subtopics a topic of this level (the root is 0) keeps."""
        return self.expansion[min(level, len(self.expansion) - 1)]


@dataclass(frozen=True)
class GradeSpec:
    """Which sealed decompression to grade, and with which model (as in ``DecompressionSpec``)."""

    decompression_id: str = option(
        flag="decompression",
        is_argument=True,
        names=Names.DECOMPRESSION,
        help="Name of a decompression, as `assay list` shows it.",
    )
    judge: str = option(
        help="The judge: a folder, GGUF file, hub name, builtin:NAME, or a server's address.",
        names=Names.SPEAKER,
    )
    judge_served_model: str | None = option(None, **_JUDGE_SERVED_MODEL)
    prompting: Prompting | None = option(None, **_PROMPTING)
    budget_calls: int | None = option(None, **_BUDGET_CALLS)
    budget_tokens: int | None = option(None, **_BUDGET_TOKENS)

    def title(self, decompression: str) -> str:
        """What a list of jobs calls the grading of the decompression of this name."""
        judge = self.judge_served_model or name_of(without_password(self.judge))
        return f"{decompression}, graded by {judge}"


TREE_SHARE = 0.5


def kept_spec(spec: DecompressionSpec) -> dict[str, Any]:
    """A spec as JSON-ready values without servers' passwords; this is what is stored."""
    plain = to_plain(spec)
    for name in ("model", "judge"):
        plain[name] = plain[name] and without_password(plain[name])
    plain["also_at"] = spec.also_at and [without_password(one) for one in spec.also_at]
    return plain


def title_of(spec: DecompressionSpec) -> str:
    """The title in jobs and on pages."""
    model = spec.served_model or without_password(spec.model).rstrip("/").rsplit("/", 1)[-1]
    return spec.title or f"Topics of {model}"
