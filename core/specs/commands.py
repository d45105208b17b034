"""The commands that build a spec: their options, and conversion between options and spec."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.audit import AuditSpec
from assay.core.specs.audit_checks import check_audit
from assay.core.specs.data import DataRef, Role
from assay.core.specs.decompression import DecompressionSpec, GradeSpec
from assay.core.specs.decompression_checks import check_decompression, check_grading
from assay.core.specs.diff import DiffSpec
from assay.core.specs.echo import EchoSpec
from assay.core.specs.experiment import ExperimentSpec
from assay.core.specs.export import ExportSpec
from assay.core.specs.option_groups import FieldOptions, Lookups, fields_of
from assay.core.specs.options import REQUIRED, CommandOption, Values
from assay.core.specs.place import Columns
from assay.core.specs.report import (
    PresentSpec,
    ReportSpec,
    check_presentation,
    check_report,
)
from assay.core.specs.strategies import CONTROLS, Strategy
from assay.core.specs.suspect import SuspectSpec
from assay.core.specs.training import FinetuneSpec

# Fields of a spec by name.
_Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """A command and the spec that it builds.

    ``decides``: fields that the command itself computes from the options. ``check``: raises
    InputError for options that are out of range or contradict each other.
    """

    name: str
    spec: type
    decides: Mapping[str, Callable[[_Fields], Any]] = field(default_factory=dict)
    check: Callable[[Any], None] = lambda spec: None

    @cached_property
    def groups(self) -> tuple[FieldOptions, ...]:
        return fields_of(self.name, self.spec)

    @cached_property
    def options(self) -> tuple[CommandOption, ...]:
        """Every option once, required ones first."""
        found: dict[str, CommandOption] = {}
        for group in self.groups:
            for one in group.options:
                found.setdefault(one.name, one)
        return tuple(sorted(found.values(), key=lambda one: not one.is_required))

    @property
    def has_config(self) -> bool:
        """Whether a config file can hold its options; positional arguments have no key."""
        return not any(one.declared.is_argument for one in self.options)

    @cached_property
    def flags(self) -> dict[str, str]:
        """The flag of each field."""
        return {group.field.name: f"--{group.flag}" for group in self.groups}

    def build(self, given: Values, lookups: Lookups | None = None) -> Any:
        """The spec that the options describe; an option that is missing or None keeps its default.

        InputError that names an option that is missing, unknown, or has an unsuitable value.
        """
        known = {one.name: one for one in self.options}
        for name in given:
            if name not in known:
                raise InputError(
                    f"an option of `assay {self.name}`",
                    repr(name),
                    f"see `assay {self.name} --help`",
                )
        values = {name: one.default for name, one in known.items()}
        values |= {n: known[n].read(value) for n, value in given.items() if value is not None}
        for name, one in known.items():
            if values[name] is REQUIRED:
                raise InputError(one.flag, "nothing", f"give {one.flag}")
        lookups = lookups or Lookups()
        asked = {group.field.name: group.value(values, lookups) for group in self.groups}
        return self.spec(**asked | {name: rule(asked) for name, rule in self.decides.items()})

    def asked(self, spec: Any) -> Values:
        """The options that describe this spec, without those at their defaults."""
        values = {one.name: one.default for one in self.options}
        usual = Columns.of(_documents_of(spec))
        columns = {
            "text_column": usual.text,
            "prompt_column": usual.prompt,
            "label_column": usual.label,
        }
        values |= {n: column for n, column in columns.items() if n in values and column is not None}
        for group in self.groups:
            values |= group.asked(getattr(spec, group.field.name), usual)
        return self.given(values)

    def given(self, values: Values) -> Values:
        """The values that differ from their defaults, and the seed."""
        kept = {}
        for one in self.options:
            value = values[one.name]
            value = tuple(value) if isinstance(value, list) else value
            otherwise = one.declared.otherwise
            usual = otherwise(values) if otherwise and one.default is None else one.default
            if value is not None and (value != usual or one.name == "seed"):
                kept[one.name] = value
        return kept

    def words(self, given: Values) -> list[str]:
        """The words of a command line, after the command's name, that set these values."""
        return [w for one in self.options if one.name in given for w in one.words(given[one.name])]

    def line(self, spec: Any) -> str:
        """The command line that builds this spec again."""
        return shlex.join(["assay", self.name, *self.words(self.asked(spec))])


def _documents_of(spec: Any) -> Iterator[DataRef]:
    for one in fields(spec):
        value = getattr(spec, one.name)
        yield from (
            ref
            for ref in (value if isinstance(value, tuple) else (value,))
            if isinstance(ref, DataRef)
        )


def _with_controls(asked: _Fields) -> tuple[Strategy, ...]:
    wanted = {*asked["strategies"], *CONTROLS}
    return tuple(one for one in Strategy if one in wanted)


FINETUNE = Command("finetune", FinetuneSpec)
AUDIT = Command("audit", AuditSpec, check=check_audit)
TITRATE = Command(
    "titrate",
    AuditSpec,
    {
        "strategies": _with_controls,
        "budget": lambda asked: max(asked["titration"].budgets),
        "held_out_source": lambda asked: Role.HELD_OUT.value,
    },
    check_audit,
)
RANK_CORPORA = Command(
    "rank-corpora",
    AuditSpec,
    {
        "strategies": lambda asked: (Strategy.RANDOM, Strategy.SELECT),
        "n_student_epochs": lambda asked: 0,
    },
    check_audit,
)
SUSPECT = Command("suspect", SuspectSpec)
DECOMPRESS = Command("decompress", DecompressionSpec, check=check_decompression)
GRADE = Command("grade", GradeSpec, check=check_grading)
ECHO = Command("echo", EchoSpec)
DIFF = Command("diff", DiffSpec)
EXPERIMENT = Command("experiment", ExperimentSpec)
EXPORT = Command("export", ExportSpec)
REPORT = Command("report", ReportSpec, check=check_report)
PRESENT = Command("present", PresentSpec, check=check_presentation)
COMMANDS = {
    one.name: one
    for one in (
        FINETUNE,
        AUDIT,
        TITRATE,
        RANK_CORPORA,
        SUSPECT,
        DECOMPRESS,
        GRADE,
        ECHO,
        DIFF,
        EXPERIMENT,
        EXPORT,
        REPORT,
        PRESENT,
    )
}


def command_of(spec: Any) -> Command:
    """The command that builds a spec."""
    if isinstance(spec, AuditSpec) and (spec.titration or spec.corpora):
        return TITRATE if spec.titration else RANK_CORPORA
    return next(one for one in COMMANDS.values() if isinstance(spec, one.spec))


def command_line(spec: Any) -> str:
    """The command line that repeats the same work."""
    return command_of(spec).line(spec)
