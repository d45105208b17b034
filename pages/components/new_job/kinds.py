"""What can be started from a page: each kind is a command whose spec declares its form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.audit.durations import suspect_plan
from assay.core.decompress.durations import decompression_plan, echo_plan, grading_plan
from assay.core.errors import InputError
from assay.core.experiments.catalogue import catalogue_of
from assay.core.experiments.durations import experiment_plan
from assay.core.experiments.grid import cells_of
from assay.core.experiments.recipes import load_recipe, places_of
from assay.core.experiments.recipes import title_of as experiment_title
from assay.core.specs.audit import title_of as audit_title
from assay.core.specs.commands import (
    AUDIT,
    DECOMPRESS,
    DIFF,
    ECHO,
    EXPERIMENT,
    FINETUNE,
    GRADE,
    RANK_CORPORA,
    REPORT,
    SUSPECT,
    TITRATE,
    Command,
)
from assay.core.specs.decompression import GradeSpec
from assay.core.specs.decompression import title_of as decompression_title
from assay.core.specs.diff import DIFF_PLAN
from assay.core.specs.experiment import ExperimentSpec

# Of how many examples a grading is thought to be, where the file is not read for it.
_USUAL_EXAMPLES = 80
_REPORT_S = 3.0

Plan = Mapping[str, float]


@dataclass(frozen=True)
class JobKind:
    """``plan``: expected seconds a stage; None for audits, which are estimated by their load.
    ``runs_models``: so that it takes longer with larger ones.
    """

    command: Command
    title: str
    about: str
    job_title: Callable[[Any], str]
    plan: Callable[[Any], Plan] | None = None
    runs_models: bool = True

    @property
    def name(self) -> str:
        return self.command.name


def _own_title(spec: Any) -> str:
    return str(spec.job_title)


def _grade_title(spec: GradeSpec) -> str:
    return spec.title(spec.decompression_id)


def _experiment_plan(spec: ExperimentSpec) -> Plan:
    data = Path(spec.data) if spec.data else None
    catalogue = catalogue_of(spec.scale, data, Path("built-in"), places_of(spec))
    cells = cells_of(load_recipe(spec.name), catalogue, spec.n_seeds)
    return experiment_plan(cells, spec.n_at_once)


_ALL = (
    JobKind(
        AUDIT,
        "Audit",
        "Find the documents of a seed corpus that a weight difference points to.",
        audit_title,
    ),
    JobKind(
        TITRATE,
        "Titration",
        "Measure how well each strategy locates training documents as more leak into the pool.",
        audit_title,
    ),
    JobKind(
        RANK_CORPORA,
        "Corpus ranking",
        "Find which of several public corpora, if any, the final model was fine-tuned on.",
        audit_title,
    ),
    JobKind(
        SUSPECT,
        "Suspect test",
        "Test whether documents were trained on, by comparing them with matched controls.",
        _own_title,
        lambda spec: suspect_plan(spec.task),
    ),
    JobKind(
        DECOMPRESS,
        "Decompression",
        "Write out a model's knowledge as a topic tree with examples.",
        decompression_title,
        decompression_plan,
    ),
    JobKind(
        GRADE,
        "Grading",
        "Let a judge model grade a decompression's examples.",
        _grade_title,
        lambda spec: grading_plan(_USUAL_EXAMPLES),
    ),
    JobKind(
        DIFF,
        "Diff",
        "Compare two decompressed models and report differences beyond sampling noise.",
        _own_title,
        lambda spec: DIFF_PLAN,
        runs_models=False,
    ),
    JobKind(
        ECHO,
        "Echo",
        "Test whether the final model's answers are nearer to its training data than the base's.",
        _own_title,
        lambda spec: echo_plan(),
    ),
    JobKind(
        EXPERIMENT,
        "Experiment",
        "Reproduce one of the paper's tables or figures.",
        experiment_title,
        _experiment_plan,
    ),
    JobKind(
        REPORT,
        "Report",
        "Write an audit as one self-contained page to print or send, or all audits as a folder.",
        _own_title,
        lambda spec: {"report": _REPORT_S},
        runs_models=False,
    ),
)
KINDS = {one.name: one for one in _ALL}
# The demo has no options: it makes its models and data itself.
DEMO = "demo"
TITLES = {DEMO: "Demo", **{name: kind.title for name, kind in KINDS.items()}}
# Of all jobs, also of those that only a terminal starts.
JOB_TITLES = {**TITLES, FINETUNE.name: "Fine-tuning"}


def expected_s(kind: JobKind, spec: Any) -> float | None:
    """Seconds on the machine where rates were measured; None where the plan cannot be made."""
    assert kind.plan is not None
    try:
        return sum(kind.plan(spec).values())
    except (InputError, OSError):
        return None


def plan_problem(kind: JobKind, spec: Any) -> str | None:
    """Why there is no plan: what the job refuses as soon as it starts."""
    try:
        if kind.plan is not None:
            kind.plan(spec)
    except InputError as error:
        return error.sentence
    except OSError:
        return None  # whatever it is, the job says it
    return None
