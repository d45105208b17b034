"""An audit and an experiment on a real Ray cluster of two nodes, one of which is removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.contents import contents
from support.figures import assert_same_figures
from support.long_corpus import N_DOCUMENTS, long_corpus, nudged
from support.paths import ROOT
from support.tiny_models import save_llama

from assay.cache.experiments.read import read_measurements

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900)]
pytest.importorskip("ray", reason="Ray is not installed (extra: cluster)")
ALSO = (
    *("membership_scores", "embedding_scores", "embedding_gradients", "embedding_factors"),
    "layer_scores",
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """An audit of a language model: gradients, membership scores, embedding gradients and layer
    gradients."""
    folder = tmp_path_factory.mktemp("ray")
    save_llama(folder / "base")
    nudged(folder / "base", folder / "final")
    return [
        *("audit", "--base", folder / "base", "--final", folder / "final", "--task", "sft"),
        *("--seed-corpus", long_corpus(folder), "--strategy", "select", "--strategy", "random"),
        *("--strategy", "embedding-match", "--strategy", "layer-match"),
        *("--student-epochs", "0", "--no-map", "--json"),
        *("--budget", "30", "--precision", "fp32"),
    ]


@pytest.fixture(scope="module")
def alone(asked, tmp_path_factory):
    """What the audit finds in one process."""
    process = started(asked, tmp_path_factory.mktemp("alone"))
    out, err = process.communicate()
    assert process.returncode == 0, err
    return found(out)


def started(asked, home, *more):
    command = [sys.executable, "-m", "assay", *map(str, asked), *more]
    environment = {**os.environ, "ASSAY_HOME": str(home)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


def found(said):
    """Everything an audit found, as text: a missing p-value is NaN, which equals nothing."""
    return {name: repr(rows) for name, rows in contents(json.loads(said)["path"], ALSO).items()}


@pytest.fixture
def cluster(monkeypatch):
    """A head node and another, with room for one worker each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # or other work on this machine starves them
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.second = nodes.add_node(num_cpus=1)
    yield nodes
    nodes.shutdown()


def workers_of(node):
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [one for one in raylet.children() if "Worker" in " ".join(one.cmdline())]


def read_until(process, words, log):
    for line in process.stderr:
        log.append(line)
        if words in line:
            return
    raise AssertionError("".join(log))


def test_a_node_is_removed_and_nothing_is_lost(asked, alone, cluster, tmp_path):
    """A node stops in the middle of its work and is removed: its batches are computed by the other,
    every document has one row, and the result is the same to the last bit as in one process."""
    process, log = started(asked, tmp_path, "--engine", "ray", "--address", cluster.address), []
    stopped = []
    try:
        read_until(process, "workers of the cluster: 2", log)
        stopped = workers_of(cluster.second)
        assert stopped
        for one in stopped:
            one.send_signal(signal.SIGSTOP)
        cluster.remove_node(cluster.second, allow_graceful=False)
        out, err = process.communicate()
    finally:
        for one in stopped:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.kill()
    assert process.returncode == 0, "".join(log) + err
    assert "was lost; others do its work again" in "".join(log) + err
    assert found(out) == alone
    tables = contents(json.loads(out)["path"], ALSO)
    assert len(tables["embedding_scores"]) == len(tables["layer_scores"]) == N_DOCUMENTS


_EXPERIMENT = """
import sys
from pathlib import Path

from support.tiny_experiment import tiny_catalogue, tiny_recipe

from assay.cache.store import Store
from assay.core.experiments.run import run_experiment
from assay.core.runtime.console_progress import ConsoleProgress
from assay.core.runtime.device import Compute
from assay.core.specs.compute import HERE, Spread, WorkEngine

sets, home, address = sys.argv[1:]
made = run_experiment(
    tiny_recipe("optimizers"),
    tiny_catalogue(Path(sets)),
    1,
    Store(Path(home)),
    Compute("cpu", False, 1),
    ConsoleProgress(),
    1,
    Spread(WorkEngine.RAY, address) if address else HERE,
)
print(made.path)
"""


def started_experiment(sets, home, address):
    sets.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    command = [sys.executable, "-c", _EXPERIMENT, str(sets), str(home), address]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


def test_cells_of_an_experiment_are_the_same_on_a_cluster(cluster, tmp_path):
    """A node is removed while it makes a cell; the other makes all of them, and the experiment has
    the same id, figures and audits as one that one process made."""
    process = started_experiment(tmp_path / "sets", tmp_path / "cluster", cluster.address)
    log = []
    try:
        read_until(process, "workers of the cluster: 2", log)
        cluster.remove_node(cluster.second, allow_graceful=False)
        out, err = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 0, "".join(log) + err
    assert "was lost; others do its work again" in "".join(log) + err
    assert err.count(" made") >= 4
    alone, said = started_experiment(tmp_path / "sets", tmp_path / "alone", "").communicate()
    assert Path(alone.strip()).name == Path(out.strip()).name, said
    made, expected = (Path(path.strip()) for path in (out, alone))
    assert_same_figures(made, expected)
    assert len(set(read_measurements(made)["audit_id"])) == 4
    assert not list((tmp_path / "cluster" / "building").glob("*.shared"))


_OWN_CLUSTER = """
import json, operator, sys
from functools import partial
from importlib import import_module

import psutil

from assay.core.engines.ray_engine import ClusterError, Device, RayEngine

drawn, ahead, found, notes = 0, [], {}, []

def pieces():
    global drawn
    for number in range(60):
        drawn += 1
        yield number, str(number)

numbers = partial(dict, {str(number): number * number for number in range(60)})
with RayEngine(numbers, Device(False), None, notes.append) as engine:
    for number, square in engine.computed(None, operator.attrgetter("get"), pieces()):
        ahead.append(drawn - len(found))
        assert number not in found
        found[number] = square
    own = [one.pid for one in psutil.Process().children(recursive=True)]
    listening = sorted(
        {c.laddr.ip for c in psutil.net_connections() if c.pid in own and c.status == "LISTEN"}
    )
    names = [" ".join(psutil.Process(pid).cmdline()) for pid in own]
n_workers = max(int(one.split(": ")[1]) for one in notes if one.startswith("workers"))
error = ""
with RayEngine(partial(import_module, "os"), Device(False), None, notes.append) as engine:
    try:
        list(engine.computed(None, operator.attrgetter("_exit"), [("fatal", 1)]))
    except ClusterError as stop:
        error = str(stop)
print(json.dumps({
    "right": found == {n: n * n for n in range(60)},
    "ahead": max(ahead),
    "n_workers": n_workers,
    "listening": listening,
    # Ray's process of that name always runs; without a dashboard it serves no page.
    "dashboard": any(
        "dashboard/dashboard.py" in one and "--disable-frontend" not in one for one in names
    ),
    "error": error,
}))
"""


def test_ray_that_is_started_here_is_for_this_machine_alone():
    """Every piece is computed once, few are drawn ahead; Ray listens on localhost only and has no
    dashboard; a piece that ends three workers ends the work with a sentence."""
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    command = [sys.executable, "-c", _OWN_CLUSTER]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["right"]
    assert said["ahead"] <= 2 * said["n_workers"] + 1
    assert said["listening"]
    assert set(said["listening"]) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert not said["dashboard"]
    assert "3 workers" in said["error"]
