"""Specs that ask for something else than what stands by default."""

from __future__ import annotations

from dataclasses import replace

from assay.core.specs.audit import (
    AuditSpec,
    CorporaSpec,
    GradientLayers,
    InitialHead,
    TitrationSpec,
)
from assay.core.specs.data import DataRef, Role, Task
from assay.core.specs.decompression import DecompressionSpec, Engine, Prompting, Style
from assay.core.specs.diff import DiffSpec
from assay.core.specs.experiment import ExperimentSpec, Scale
from assay.core.specs.export import ExportSpec
from assay.core.specs.report import ReportSpec
from assay.core.specs.strategies import Strategy
from assay.core.specs.suspect import SuspectSpec
from assay.core.specs.training import FinetuneSpec, Optimizer, StudentAdapter, TrainingSpec

PAIR = {"base": "a", "final": "b"}
CORPORA = (DataRef("x.csv", "passage", sample=50), DataRef("y.csv", "passage", sample=50))
GRID = TitrationSpec((0.1, 0.5), (7, 3), 2)


def labelled(location, sample=None):
    return DataRef(location, "passage", "topic", sample, "prompt")


# One spec a command, with every field that the command asks for at another value than its default.
SPECS = [
    AuditSpec(
        **PAIR,
        seed_corpus=(DataRef("x.csv", "passage", prompt_column="prompt"),),
        n_candidates=9,
        budget=3,
        strategies=(Strategy.SELECT, Strategy.RANDOM),
        reference=replace(labelled("r.csv", 5), label_names=("up", "down")),
        test=replace(labelled("t.csv", 6), text_column="body", label_names=("up", "down")),
        held_out_source="y",
        label_words=("up", "down"),
        training=TrainingSpec(
            Optimizer.ADAMW, 1e-3, 4, weight_decay=0.5, momentum=0.1, max_tokens=9
        ),
        n_student_epochs=4,
        n_random_students=2,
        is_stopping_early=False,
        student_adapter=StudentAdapter.LORA,
        n_checkpoints=2,
        projection_dimension=64,
        gradient_layers=GradientLayers.CHANGED,
        initial_head=InitialHead.RECORDED,
        is_mapped=False,
        response_template="###",
        seed=3,
        title="it's a title",
    ),
    AuditSpec(
        **PAIR,
        seed_corpus=(
            replace(labelled("r.csv", 9), label_column=None, source=Role.TRAINED.value),
            replace(labelled("h.csv", 8), label_column=None, source=Role.HELD_OUT.value),
            replace(labelled("x.csv"), label_column=None, source=Role.OUT_OF_DOMAIN.value),
            replace(labelled("y.csv"), label_column=None, source=Role.OUT_OF_DOMAIN.value),
        ),
        budget=7,
        strategies=(Strategy.RANDOM, Strategy.P_MIN, Strategy.SELECT),
        reference=labelled("r.csv", 9),
        test=labelled("t.csv"),
        held_out_source=Role.HELD_OUT.value,
        n_student_epochs=4,
        titration=GRID,
    ),
    AuditSpec(
        **PAIR,
        seed_corpus=CORPORA,
        task=Task.SFT,
        budget=20,
        strategies=(Strategy.RANDOM, Strategy.SELECT),
        n_student_epochs=0,
        corpora=CorporaSpec(0),
    ),
    SuspectSpec(**PAIR, suspects=DataRef("s.csv"), controls=DataRef("c.csv", "body"), max_tokens=7),
    DecompressionSpec(
        "my model",
        engine=Engine.LLAMA,
        prompting=Prompting.JSON,
        expansion=(5, 5),
        styles=(Style.CODE,),
        budget_calls=7,
    ),
    FinetuneSpec("a", labelled("t.csv", 40), TrainingSpec(Optimizer.ADAMW, weight_decay=0.01)),
    DiffSpec("one", "other", noise="again"),
    ExperimentSpec("main-sft", Scale.PAPER, 2, "sets", ("llama_1b=here",)),
    ExportSpec("said", "rows.parquet", Strategy.TOP_K, chat=True, only_accepted=True),
    ReportSpec("an-audit-0123456789", "report.html", with_documents=True),
]
