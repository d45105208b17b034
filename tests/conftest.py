"""What every test shares: an own store, no network, one thread."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from functools import cache
from types import SimpleNamespace

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["ASSAY_THREADS"] = "1"
os.environ["ASSAY_WORKERS"] = "1"  # a second process takes longer to start than to train
os.environ["OMP_NUM_THREADS"] = "1"
# Compiled files are kept wherever the tests run: they start processes by the hundred, and each
# would compile all of ours again, for a second.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""

import pandas as pd
import pytest
from hypothesis import settings
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import local_script_runner

sys.dont_write_bytecode = False  # this process has read the variable already

# No test is timed: a busy machine makes any of them slow.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

Result = namedtuple("Result", "status out err")


def pytest_collection_finish():
    """What is loaded by now stays: the collector need not look through it, as audits ask it to."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure():
    gc.unfreeze()  # libraries look at their exit for what they have left


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """No test ever touches the user's store."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "assay-home"))


@pytest.fixture(autouse=True)
def own_main_module():
    """AppTest leaves its page as ``__main__``, which the processes of students would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(autouse=True, scope="session")
def one_scan_for_components():
    """Streamlit looks through every installed package at each start of an app, and a test of a page
    is a start: half its time. What is installed does not change meanwhile."""
    manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True, scope="session")
def look_less_often_for_the_end():
    """AppTest looks a thousand times a second whether its page is done, and each look takes the
    interpreter from that page."""
    local_script_runner.time = SimpleNamespace(time=time.time, sleep=lambda _: time.sleep(0.01))


@cache
def load_encoders_once():
    """Commands of one process load the same sentence encoders again and again, and change none;
    audits of the same tiny sets embed them again and again, each in a store of its own."""
    from assay.core.models import sentence_encoder

    sentence_encoder.load_sentence_encoder = cache(sentence_encoder.load_sentence_encoder)
    made, embed = {}, sentence_encoder.Embedder.embed

    def embed_once(self, texts):
        # Of this encoder: some modules of a process use a tiny one, others the installed one.
        key = self._encoders[0], self._compute, tuple(texts)
        if key not in made:
            made[key] = embed(self, texts)
        return made[key].copy()

    sentence_encoder.Embedder.embed = embed_once


@pytest.fixture
def assay(capsys, monkeypatch):
    """Runs the real command line in this process: assay("audit", "--base", …)."""

    def run(*arguments):
        from assay.core.cli import main

        load_encoders_once()
        monkeypatch.setattr(sys, "argv", ["assay", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Result(stop.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture
def scripted():
    """Starts servers with the faults that a test names; they end with it."""
    from support.scripted_server import Scripted

    started = []

    def start(**faults):
        started.append(Scripted(**faults))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def connected(scripted):
    """Starts such a server and a backend that asks it: ``server, backend = connected(…)``."""
    from assay.core.decompress.backends.openai_server import ServerBackend
    from assay.core.decompress.backends.served import identify

    opened = []

    def start(timeout_s=5.0, **faults):
        one = scripted(**faults)
        opened.append(ServerBackend(one.address, identify(one.address, None), timeout_s))
        return one, opened[-1]

    yield start
    for backend in opened:
        backend.close()


@pytest.fixture
def quick_tries(monkeypatch):
    """A server is asked as often as always, with shorter waits between the tries."""
    from assay.core.decompress.backends import openai_server, served
    from assay.core.decompress.backends.patience import Patience

    monkeypatch.setattr(openai_server, "PATIENCE", Patience(first_wait_s=0.01, longest_wait_s=0.05))
    monkeypatch.setattr(served, "PATIENCE", Patience(3, 2, 0.01, 0.05))


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if shutil.which("mount") and os.geteuid() == 0
        else None
    )
    if mounted is None or mounted.returncode:
        pytest.skip("mounting a file system needs more rights than this user has")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A base and a final model of a few thousand parameters, and the data around them.

    The seed corpus holds 60 leaked documents of the training set, 60 held-out ones of the same
    kind and 80 that mix all fields.
    """
    from support.tiny_models import documents, save_bert

    from assay.core.audit.finetune import finetune
    from assay.core.runtime.device import Compute
    from assay.core.runtime.progress import SilentProgress
    from assay.core.specs.data import DataRef
    from assay.core.specs.training import FinetuneSpec, TrainingSpec

    folder = tmp_path_factory.mktemp("tiny")
    texts, names = documents(700, seed=11)
    known = list(dict(zip(texts, names, strict=True)).items())
    train, held_out, test = known[:160], known[160:220], known[220:320]
    noise = [(" ".join(text.split()[::-1]) + " and more", None) for text, _ in known[320:400]]
    for name, part in (
        ("train", train),
        ("held-out", held_out),
        ("test", test),
        ("leaked", train[:60]),
        ("noise", noise),
    ):
        table = pd.DataFrame(part, columns=["text", "label"])
        table.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    save_bert(folder / "base")
    training = TrainingSpec(learning_rate=3e-3, batch_size=16, n_epochs=8, max_tokens=24)
    data = DataRef(str(folder / "train.jsonl"), label_column="label")
    spec = FinetuneSpec(str(folder / "base"), data, training)
    finetune(spec, folder / "final", folder, Compute("cpu", False, 1), SilentProgress())
    assert json.loads((folder / "final" / "assay_training.json").read_text())["key"]
    return folder


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory):
    """Audits of this process embed with a tiny encoder: the installed one takes a fifth of their
    time, and matters only where the meaning of embeddings is tested."""
    from support.tiny_models import save_sentence_encoder

    folder = save_sentence_encoder(tmp_path_factory.mktemp("tiny") / "encoder")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("audit.stages.embeddings", "models.sentence_encoder"):
            patch.setattr(f"assay.core.{module}.builtin_minilm", lambda: folder)
        yield
