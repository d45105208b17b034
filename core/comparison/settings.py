"""In which settings audits differ: options, models, data, and how students were trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from assay.cache.audits.read import AuditFacts
from assay.core.specs.audit import AuditSpec
from assay.core.specs.commands import Command, command_of
from assay.core.specs.data import DataRef
from assay.core.specs.options import CommandOption
from assay.core.specs.place import Columns
from assay.core.specs.training import TrainingSpec

# Fields that name contents: what they are called, and the digest by which two are equal.
_CONTENTS = {
    "base": ("base model", "base_weights_sha256"),
    "final": ("final model", "final_weights_sha256"),
    "seed_corpus": ("seed corpus", "seed_corpus_sha256"),
    "reference": ("reference set", "reference_sha256"),
    "test": ("test set", "test_sha256"),
}
_NOT_SETTINGS = {"title", *_CONTENTS}
_LONGEST = 200
_NOTHING = "—"


@dataclass(frozen=True)
class Setting:
    """``name``: an option, or what else differs; ``values``: as people write them, one an audit;
    ``identities``: what decides whether two are the same."""

    name: str
    values: tuple[str, ...]
    identities: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.identities)) > 1


def settings(audits: Sequence[AuditFacts]) -> list[Setting]:
    """Every setting of any of the audits, in the order of options."""
    of_each = [dict(_of(facts)) for facts in audits]
    names = dict.fromkeys(name for own in of_each for name in own)
    nothing = (_NOTHING, _NOTHING)  # as an option that was not given and has no default
    return [
        Setting(
            name,
            tuple(own.get(name, nothing)[0][:_LONGEST] for own in of_each),
            tuple(own.get(name, nothing)[1] for own in of_each),
        )
        for name in names
    ]


def _of(facts: AuditFacts) -> Iterator[tuple[str, tuple[str, str]]]:
    spec, provenance = facts.spec, facts.meta.provenance
    command = command_of(spec)
    yield "command", (command.name, command.name)
    for field, (name, key) in _CONTENTS.items():
        digest = str(provenance.get(key) or "")
        shown = _places(getattr(spec, field))
        yield name, (f"{shown} · {digest[:8]}" if digest else shown, digest or shown)
    for name, value in _options(command, spec):
        yield name, (value, value)
    for name in ("precision", "assay_version"):
        value = str(provenance.get(name) or _NOTHING)
        yield name.replace("_", " "), (value, value)
    for one in fields(TrainingSpec):
        value = str(getattr(facts.meta.training, one.name))
        name = one.name.removeprefix("n_").replace("_", " ")
        yield f"training: {name}", (value, value)


def _options(command: Command, spec: AuditSpec) -> Iterator[tuple[str, str]]:
    """Options that name no contents: a stranger's file may name places that no command line has."""
    groups = [one for one in command.groups if one.field.name not in _NOT_SETTINGS]
    values = {one.name: one.default for one in command.options}
    for group in groups:
        values |= group.asked(getattr(spec, group.field.name), Columns.of(()))
    given = command.given(values)
    for group in groups:
        for one in group.options:
            yield one.flag, _shown(one, given.get(one.name, one.default))


def _shown(option: CommandOption, value: Any) -> str:
    if value is None:
        return option.declared.unset or _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def _places(value: Any) -> str:
    """The last part of each place: where a file lies says nothing about what it holds."""
    if value is None:
        return _NOTHING
    if isinstance(value, tuple):
        return ", ".join(map(_places, value))
    place = value.asked_as if isinstance(value, DataRef) else str(value)
    return Path(place).name or place
