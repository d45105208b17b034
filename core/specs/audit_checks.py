"""What the options of an audit must be, whatever models and data they name."""

from __future__ import annotations

from assay.core.errors import InputError, OptionConflict
from assay.core.specs.audit import AuditSpec, GradientLayers, TitrationSpec
from assay.core.specs.compute import ALL_DEVICES, WorkEngine
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy, main_strategy
from assay.core.specs.training import StudentAdapter, check_training


def check_audit(spec: AuditSpec) -> None:
    """InputError for options that are out of range or contradict each other."""
    if spec.training:
        check_training(spec.training)
    if spec.budget < 1:
        raise InputError("a budget of at least 1", str(spec.budget), "raise --budget")
    if not spec.seed_corpus:
        raise InputError("a seed corpus", "none", "give one with --seed-corpus")
    if spec.n_checkpoints < 1:
        raise InputError("at least one checkpoint", str(spec.n_checkpoints), "raise --checkpoints")
    if spec.projection_dimension is not None and spec.projection_dimension < 1:
        raise InputError(
            "a projection dimension of at least 1",
            str(spec.projection_dimension),
            "raise --projection-dimension",
        )
    if spec.task is Task.SFT and Strategy.TOP_K_BALANCED in spec.strategies:
        raise OptionConflict(
            "--strategy top-k-balanced needs labels, which --task sft does not have",
            "top-k-balanced with --task sft",
            "remove it, or use --strategy top-k",
        )
    if spec.task is Task.CLASSIFICATION and Strategy.LAYER_MATCH in spec.strategies:
        raise OptionConflict(
            "--strategy layer-match applies to language models, --task sft",
            "layer-match with --task classification",
            "remove it, or use --strategy embedding-match",
        )
    if spec.task is Task.SFT and spec.label_words:
        raise OptionConflict(
            "--label-words applies to --task classification only",
            "--task sft",
            "remove it, or use --task classification",
        )
    if spec.task is Task.CLASSIFICATION and spec.response_template:
        raise OptionConflict(
            "--response-template applies to --task sft only",
            "--task classification",
            "remove it, or use --task sft",
        )
    _check_students(spec)
    is_last = spec.gradient_layers is GradientLayers.LAST_LAYER
    if spec.corpora and len(spec.seed_corpus) < 2:
        raise InputError(
            "at least two corpora to rank",
            f"{len(spec.seed_corpus)}",
            "give one --corpus per corpus",
        )
    if spec.corpora and spec.corpora.n_students and not is_last:
        # Such a pair is most often an adapter's; models trained whole would reach more than its
        # true set could, and so speak against it.
        raise OptionConflict(
            "--students works with --gradient-layers last-layer only",
            f"--students {spec.corpora.n_students} with --gradient-layers {spec.gradient_layers}",
            "remove one of the two options",
        )
    if spec.grid:
        _check_grid(spec.grid)
    if spec.leaked_shares and (spec.reference is None or spec.held_out_source is None):
        raise OptionConflict(
            "--leaked-share needs --reference and --held-out-source",
            "--leaked-share alone",
            "give both, or remove --leaked-share",
        )
    if spec.titration and spec.n_student_epochs and spec.test is None:
        raise OptionConflict(
            "--students needs a test set",
            "--students without --test",
            "give --test, or remove --students",
        )


def check_device(
    spec: AuditSpec,
    device: str | None,
    engine: WorkEngine = WorkEngine.LOCAL,
    is_bounded: bool = False,
) -> None:
    """InputError if models cannot be split over devices for this audit.

    ``is_bounded``: whether its memory is.
    """
    if device != ALL_DEVICES:
        return
    if engine is not WorkEngine.LOCAL:
        raise OptionConflict(
            "--device all splits a model over one machine's devices, and every worker of --engine "
            "ray has one card",
            "both",
            "remove one of them, or divide the documents with --shard",
        )
    if is_bounded:
        raise OptionConflict(
            "--device all keeps weights in the processor's memory where no card has room, which "
            "--memory does not bound",
            "both",
            "remove --memory",
        )
    if spec.corpora and spec.corpora.n_students:
        raise OptionConflict(
            "--device all is for models that one card cannot hold, and training --students in all "
            "their weights takes four times as much",
            f"--students {spec.corpora.n_students}",
            "give --students 0",
        )
    if spec.n_student_epochs and spec.student_adapter is StudentAdapter.NONE:
        none = "remove --students" if spec.titration else "give --student-epochs 0"
        raise OptionConflict(
            "--device all is for models that one card cannot hold, and training a student in all "
            "its weights takes four times as much",
            "students without --student-adapter lora",
            f"add --student-adapter lora, or {none}",
        )


def check_budget(budget: int, n_documents: int, what: str) -> None:
    """InputError for a budget that ``what``, which holds ``n_documents``, cannot fill."""
    if budget > n_documents:
        raise InputError(
            f"a budget of at most {n_documents:,}, the size of {what}",
            f"{budget:,}",
            "lower --budget, or give a larger corpus",
        )


def _check_students(spec: AuditSpec) -> None:
    if spec.student_adapter is not StudentAdapter.NONE and not spec.n_student_epochs:
        trained = "--students" if spec.titration else "--student-epochs"
        raise OptionConflict(
            "--student-adapter applies to students only",
            f"--student-adapter {spec.student_adapter} without students",
            f"remove it, or train students with {trained}",
        )
    if spec.student_strategies is None:
        return
    if extra := [one for one in spec.student_strategies if one not in spec.strategies]:
        raise OptionConflict(
            "--student-strategy must name strategies of this audit",
            f"--student-strategy {extra[0]}, which --strategy does not name",
            f"remove it, or add --strategy {extra[0]}",
        )
    main = main_strategy(spec.strategies)
    if main not in spec.student_strategies:
        raise OptionConflict(
            f"--student-strategy must include {main}, with whose student the others are compared",
            f"no --student-strategy {main}",
            f"add --student-strategy {main}",
        )


def _check_grid(grid: TitrationSpec) -> None:
    for share in grid.leaked_shares:
        if not 0 <= share <= 1:
            raise InputError("leaked shares from 0 to 1", str(share), "fix --leaked-share")
    if max(grid.leaked_shares) == 0:
        raise InputError("at least one leaked share above 0", "none", "add one with --leaked-share")
    if min(grid.budgets) < 1:
        raise InputError("a budget of at least 1", str(min(grid.budgets)), "raise --budget")
    if grid.n_seeds < 1:
        raise InputError("at least one seed", str(grid.n_seeds), "raise --seeds")
