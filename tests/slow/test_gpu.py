"""On a GPU: the same numbers as on a CPU, and no more than one model's training in its memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.arguments import audit_arguments, with_truth
from support.tiny_models import documents, save_gpt2, save_llama

from assay.cache.audits.read import read_facts, read_metrics
from assay.cache.store import Store
from assay.core.audit.stages.student_training import StudentTask
from assay.core.audit.stages.students import ModelPairSource, train_students
from assay.core.gradients.features import FactoredGradients, ProjectedGradients
from assay.core.models.examples import TextDocument
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.loading import load_pair
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.runtime.device import Compute
from assay.core.selection.greedy import select, top_k
from assay.core.selection.matching_pursuit import select_plus
from assay.core.specs.audit import GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.training import TrainingSpec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

CPU, GPU = Compute("cpu", is_bf16=False, n_threads=1), Compute("cuda", is_bf16=False, n_threads=1)
TEXTS = [TextDocument(text) for text in documents(60, seed=3)[0]]


def rows_of(models):
    """Scores and arrays of ``TEXTS``, in order."""
    found = {}
    for rows in models.of(TEXTS):
        own = {
            "loss": rows.base_loss,
            "alignment": rows.alignment,
            "norms": rows.squared_norms,
            **rows.arrays,
        }
        for name, values in own.items():
            found.setdefault(name, np.zeros((len(TEXTS), *values.shape[1:])))[rows.indices] = values
    return found


def gradients(kind, task, folder, final, compute):
    pair = load_pair(folder, final, task, 24, compute)
    match kind:
        case "classifier":
            return ClassifierGradients(pair, 2)
        case "language":
            return LanguageGradients(pair, 2, 256, seed=0)
        case _:
            return InnerGradients(pair, 1, GradientLayers.LAST_BLOCK, 256, seed=0)


@pytest.mark.parametrize(
    ("kind", "task"),
    [
        ("classifier", Task.CLASSIFICATION),
        ("language", Task.SFT),
        ("inner", Task.SFT),
        ("inner", Task.CLASSIFICATION),
    ],
)
def test_gradients_are_those_of_a_cpu(tiny, tmp_path, kind, task):
    """Losses, alignments, norms and what products are made of agree to single precision."""
    if task is Task.SFT:
        base, final = (save_llama(tmp_path / f"{seed}", seed, is_tied=False) for seed in (0, 1))
    else:
        base, final = tiny / "base", tiny / "final"
    ours, theirs = (rows_of(gradients(kind, task, base, final, at)) for at in (GPU, CPU))
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert np.linalg.norm(values) > 0
        error = np.linalg.norm(values - theirs[name]) / np.linalg.norm(theirs[name])
        assert error < 1e-4, name


def test_layer_scores_are_those_of_a_cpu(tmp_path):
    """The layers' moments are summed and inverted on the GPU, and the scores agree."""
    base, final = (save_llama(tmp_path / f"{seed}", seed, is_tied=False) for seed in (0, 1))
    ours, theirs = (
        LayerAgreement(load_pair(base, final, Task.SFT, 24, at), TEXTS).of(TEXTS)
        for at in (GPU, CPU)
    )
    assert np.ptp(theirs) > 0.1
    assert np.abs(ours - theirs).max() < 1e-3


@pytest.mark.parametrize("strategy", [select, top_k, select_plus])
@pytest.mark.parametrize("kind", ["factored", "projected"])
def test_selection_on_the_gpu_chooses_what_numpy_does(strategy, kind):
    """One implementation for both: the documents are the same, in the same order."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("f4") for shape in ((1, 200, 4), (1, 200, 16))]
    features = FactoredGradients(*arrays, rng.normal(size=(1, 4, 16)).astype("f4"))
    on_gpu = FactoredGradients(
        *(torch.from_numpy(a).cuda() for a in (features.errors, features.hidden, features.target))
    )
    if kind == "projected":
        dense = np.einsum("jnc,jnd->jncd", *arrays).reshape(1, 200, -1)
        known = (dense, features.alignment, features.squared_norms, features.target_norms)
        features = ProjectedGradients(*known)
        on_gpu = ProjectedGradients(*(torch.from_numpy(values).cuda() for values in known))
    assert strategy(on_gpu, 30).documents == strategy(features, 30).documents


def student(base, task, n_epochs=6):
    """A student of sixty documents, and the most memory the GPU held above where it began."""
    texts, names = documents(60, seed=5)
    labels = [None if task is Task.SFT else sorted(set(names)).index(name) for name in names]
    known = tuple(TextDocument(text, label) for text, label in zip(texts, labels, strict=True))
    training = TrainingSpec(learning_rate=3e-3, batch_size=16, n_epochs=n_epochs, max_tokens=24)
    asked = StudentTask("one", known, (1.0,) * len(known), training, is_stopping_early=True)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    (result,) = train_students([asked], base, known, lambda n_units: None)
    return result, torch.cuda.max_memory_allocated() - before


def test_a_student_is_that_of_a_cpu(tiny):
    """Training on the GPU learns what training on the CPU does: losses agree epoch by epoch."""
    base = ModelPairSource(tiny / "base", tiny / "final", Task.CLASSIFICATION, 24, GPU, None)
    ours, _ = student(base, Task.CLASSIFICATION)
    theirs, _ = student(replace(base, compute=CPU), Task.CLASSIFICATION)
    for mine, own in zip(ours.epochs[:3], theirs.epochs[:3], strict=True):
        assert mine.train_loss == pytest.approx(own.train_loss, rel=0.02)
    assert ours.weight_cosine == pytest.approx(theirs.weight_cosine, abs=0.05)


def test_training_holds_one_model_its_gradients_and_its_optimizer(tmp_path):
    """Neither the pair nor the best epoch's weights stay in the GPU's memory beside a student:
    a model of most of the memory's weights could else not be audited on it."""
    folders = [save_gpt2(tmp_path / f"{seed}", seed, width=512) for seed in (0, 1)]
    n_bytes = sum(f.stat().st_size for f in folders[0].glob("*.safetensors"))
    base = ModelPairSource(*folders, Task.SFT, 24, GPU, None)
    student(base, Task.SFT, n_epochs=1)  # the first use of cuBLAS takes a workspace for good
    _, peak = student(base, Task.SFT)
    assert 4 * n_bytes < peak < 5.5 * n_bytes


def test_an_audit_runs_there_by_default(assay, tiny, tmp_path):
    """Nothing need be said: the audit says what it ran on, and locates as on a CPU."""
    arguments = audit_arguments(tiny, *with_truth(tiny), "--strategy", "select", "--json")
    paths = {}
    for device in ("cuda", "cpu"):
        chosen = () if device == "cuda" else ("--device", device)
        done = assay(*arguments, *chosen, "--store", tmp_path / device)
        assert done.status == 0, done.err
        paths[device] = Path(json.loads(done.out)["path"])
        assert Store(tmp_path / device).audits in paths[device].parents
    facts = read_facts(paths["cuda"])
    assert facts.meta.provenance["device"] == "cuda"
    ours, theirs = (
        read_metrics(path).set_index(["subject", "metric"])["value"] for path in paths.values()
    )
    for metric in ("recall", "cosine"):
        assert ours["select", metric] == pytest.approx(theirs["select", metric], abs=0.02)
