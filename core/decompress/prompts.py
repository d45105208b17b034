"""Every prompt, and nothing else: what is asked is what this file says.

Few-shot topics are chosen far from each other, and are never counted as answers.
"""

from __future__ import annotations

from collections.abc import Sequence

ROOT_NAME = "All human knowledge"
VERSION = 1

_SHOTS = (
    ("Sailing", ("knots", "navigation by stars", "hull design", "racing rules", "sails")),
    (
        "Languages of the world > Finnish",
        ("vowel harmony", "noun cases", "loanwords", "dialects", "spelling"),
    ),
    ("Household", ("cleaning", "gardening", "repairs", "furniture", "budgeting")),
)
SHOT_NAMES = frozenset(name for topic, names in _SHOTS for name in (topic, *names))

SUBTOPICS_SCHEMA = {
    "type": "object",
    "properties": {
        "subtopics": {
            "type": "array",
            "items": {"type": "string", "maxLength": 60},
            "minItems": 1,
            "maxItems": 20,
        }
    },
    "required": ["subtopics"],
    "additionalProperties": False,
}


def subtopics_as_lines(path: Sequence[str]) -> str:
    """A prompt that a model of any size goes on with a list of subtopics of ``path``."""
    shots = [f"Topic: {topic}\nSubtopics: {', '.join(names)}" for topic, names in _SHOTS]
    return "\n\n".join([*shots, f"Topic: {_shown(path)}\nSubtopics:"])


def subtopics_as_json(path: Sequence[str], n_wanted: int) -> str:
    """A question for an instruction-tuned model."""
    if not path:
        what = f"List the {n_wanted} broad categories that human knowledge divides into"
    else:
        what = f'List {n_wanted} distinct, specific subtopics of the topic "{_shown(path)}"'
    return (
        f"{what}. Name each in a few words. Answer with a JSON object and nothing else: "
        '{"subtopics": ["...", "..."]}'
    )


def _shown(path: Sequence[str]) -> str:
    return " > ".join(path) or ROOT_NAME
