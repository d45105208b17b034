"""What is asked of engines, and what workers make sure of before they compute."""

from __future__ import annotations

import pickle
import shutil
import sys

import pytest
from support.long_corpus import nudged
from support.tiny_models import save_llama

from assay.core.audit.spread import SameModels
from assay.core.audit.stages.students import ModelPairSource
from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.examples import TextDocument
from assay.core.models.per_example_gradients import LanguageGradients
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


@pytest.fixture
def models(tmp_path):
    save_llama(tmp_path / "base")
    final = nudged(tmp_path / "base", tmp_path / "final")
    source = ModelPairSource(tmp_path / "base", final, Task.SFT, 32, EXACT, None)
    return SameModels(source, weights_digest(source.base), weights_digest(source.final))


def test_a_worker_computes_the_same_bits(models):
    """Models loaded from what is sent to a worker give the gradients of those loaded here."""
    there, here = pickle.loads(pickle.dumps(models))(), models.source.load()  # noqa: S301
    ones, others = (
        next(LanguageGradients(pair, 1, 64, 0).of([TextDocument("rain and snow")]))
        for pair in (there, here)
    )
    assert ones.alignment.tobytes() == others.alignment.tobytes()
    assert ones.arrays["projected:0"].tobytes() == others.arrays["projected:0"].tobytes()


def test_other_weights_on_another_machine_are_refused(models):
    """A worker does not compute with a model that is missing or has changed under its name."""
    shutil.rmtree(models.source.final)
    with pytest.raises(InputError, match="every machine"):
        models()
    shutil.copytree(models.source.base, models.source.final)
    with pytest.raises(InputError, match="same weights"):
        models()


def test_without_ray_the_extra_is_named(assay, tiny, monkeypatch):
    """Where Ray is not installed, one sentence says what to install, before anything is loaded."""
    monkeypatch.setitem(sys.modules, "ray", None)
    result = assay(*asked(tiny), "--engine", "ray")
    assert result.status == 2
    assert "assay-audit[cluster]" in result.err


@pytest.mark.parametrize(
    "more", [("--address", "auto"), ("--engine", "ray", "--shard", "1/2")], ids=str
)
def test_options_that_contradict_each_other_are_refused(assay, tiny, more):
    """An address without a cluster, and a cluster beside a part, are bad usage."""
    result = assay(*asked(tiny), *more)
    assert result.status == 2
    assert "--engine ray" in result.err


def asked(tiny):
    models = ["--base", tiny / "base", "--final", tiny / "final"]
    return ["audit", *models, "--seed-corpus", tiny / "noise.jsonl"]
