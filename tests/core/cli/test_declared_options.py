"""What each command offers comes from what its spec declares."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import MISSING
from importlib import import_module
from pathlib import Path

import pytest
import typer
from support.arguments import audit_arguments, with_truth
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.suspect_record import write_sample_suspects

from assay.cache.audits.read import read_facts
from assay.cache.jobs import JobTable
from assay.cache.store import Store
from assay.core.cli import MODULES, app
from assay.core.specs.commands import COMMANDS, command_line

TRAINING = {
    "optimizer": None,
    "learning-rate": None,
    "batch-size": None,
    "weight-decay": None,
    "momentum": None,
    "max-tokens": None,
}
TEXT = {"text-column": "text", "prompt-column": None, "response-template": None}
LABELS = {"label-column": "label", "label-words": None}
SHARED = {"task": "classification", "seed": 0, "title": ""}
REQUIRED = object()
# Every option with its default, written out by hand: renaming one, or another default, breaks
# commands that people have written down.
OPTIONS = {
    "finetune": {
        **TEXT,
        **LABELS,
        "base": REQUIRED,
        "data": REQUIRED,
        "sample": None,
        "task": "classification",
        "optimizer": "adam",
        "learning-rate": 2e-5,
        "batch-size": 32,
        "epochs": 3,
        "weight-decay": None,
        "momentum": 0.0,
        "max-tokens": 128,
        "seed": 0,
    },
    "audit": {
        "label-names": None,
        **TEXT,
        **LABELS,
        **SHARED,
        **TRAINING,
        "base": REQUIRED,
        "final": REQUIRED,
        "seed-corpus": REQUIRED,
        "candidates": None,
        "budget": 500,
        "strategy": None,
        "reference": None,
        "reference-sample": None,
        "test": None,
        "test-sample": None,
        "held-out-source": None,
        "student-epochs": 10,
        "student-strategy": None,
        "leaked-share": None,
        "random-students": 5,
        "early-stopping": True,
        "student-adapter": "none",
        "checkpoints": 1,
        "projection-dimension": None,
        "gradient-layers": "last-layer",
        "initial-head": "unknown",
        "map": True,
    },
    "titrate": {
        "label-names": None,
        **TEXT,
        **LABELS,
        **SHARED,
        **TRAINING,
        "base": REQUIRED,
        "final": REQUIRED,
        "reference": REQUIRED,
        "held-out": REQUIRED,
        "out-of-domain": REQUIRED,
        "leaked-share": [0.0, 0.1, 0.25, 0.5, 0.75, 1.0],
        "budget": [500],
        "strategy": None,
        "seeds": 3,
        "students": False,
        "test": None,
        "reference-sample": None,
        "held-out-sample": None,
        "out-of-domain-sample": None,
        "test-sample": None,
        "student-epochs": 10,
        "early-stopping": True,
        "student-adapter": "none",
        "checkpoints": 1,
        "gradient-layers": "last-layer",
        "initial-head": "unknown",
    },
    "rank-corpora": {
        "label-names": None,
        **TEXT,
        **LABELS,
        **SHARED,
        "base": REQUIRED,
        "final": REQUIRED,
        "corpus": REQUIRED,
        "documents": 1000,
        "students": None,
        "gradient-layers": "last-layer",
        "initial-head": "unknown",
        "budget": 100,
        "reference": None,
        "reference-sample": None,
    },
    "suspect": {
        **TEXT,
        **SHARED,
        "base": REQUIRED,
        "final": REQUIRED,
        "suspects": REQUIRED,
        "initial-head": "unknown",
        "controls": REQUIRED,
        "label-words": None,
        "max-tokens": None,
    },
    "decompress": {
        "model": "builtin:smollm2",
        "also-at": None,
        "engine": None,
        "served-model": None,
        "judge": None,
        "judge-served-model": None,
        "prompting": None,
        "depth": 2,
        "expansion": [8, 4],
        "samples": 16,
        "min-votes": 2,
        "branch-quota": None,
        "min-new-share": 0.25,
        "merge-cosine": 0.9,
        "examples": 2,
        "temperature": 0.9,
        "budget-calls": None,
        "style": ["question", "how-to", "compare", "code"],
        "budget-tokens": None,
        "difficulty": ["easy", "medium", "hard"],
        "seed": 0,
        "title": "",
    },
    "grade": {
        "decompression": REQUIRED,
        "judge": REQUIRED,
        "judge-served-model": None,
        "prompting": None,
        "budget-calls": None,
        "budget-tokens": None,
    },
    "echo": {"decompression": REQUIRED, "control": REQUIRED, "audit": REQUIRED, "seed": 0},
    "diff": {"first": REQUIRED, "second": REQUIRED, "noise": None},
    "experiment": {
        "name": REQUIRED,
        "scale": "small",
        "seeds": 3,
        "data": None,
        "model": None,
        "at-once": 1,
    },
    "export": {
        "name": REQUIRED,
        "out": REQUIRED,
        "strategy": "select",
        "marked": False,
        "chat": False,
        "without-flagged": False,
        "only-accepted": False,
    },
    "report": {"audit": None, "out": None, "pdf": None, "all": None, "with-documents": False},
    "present": {"audit": REQUIRED, "out": None, "pdf": None, "figures": None},
}
RUNNING = {"device": None, "precision": "auto", "store": None, "json": False}
CONFIG = {"config": None, "save-config": None}
OWN = {
    "finetune": {"out": REQUIRED},
    "diff": {"out": None, "overwrite": False, "device": None},
    "export": {"overwrite": False},
    "report": {"overwrite": False},
    "present": {"overwrite": False},
}
KEPT = {"store": None, "json": False}
AT_ONCE = ("export", "report", "present")

DIVIDED = ("audit", "titrate", "rank-corpora")


def offered(name):
    """The options that typer really offers: name and default."""
    command = typer.main.get_command(app).get_command(None, name)
    return {
        max(one.opts, key=len).removeprefix("--"): REQUIRED if one.required else one.default
        for one in command.params
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_offers_its_options_with_their_defaults(name):
    """Names and defaults are those that commands have always had."""
    expected = OPTIONS[name] | (KEPT if name in ("diff", *AT_ONCE) else RUNNING) | OWN.get(name, {})
    if name not in AT_ONCE:
        expected |= {"queue": False}
    if name in DIVIDED:
        expected |= {"shard": None, "engine": "local", "address": None, "memory": None}
    if name == "experiment":
        expected |= {"engine": "local", "address": None}
    if COMMANDS[name].has_config:
        expected |= CONFIG
    assert offered(name) == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_a_default_that_help_shows_is_the_specs_own(name):
    """Without options, a spec has its dataclass's defaults, but where a command says otherwise."""
    command = COMMANDS[name]
    for group in command.groups:
        is_own = group.declared.otherwise is None and group.field.default is not MISSING
        if len(group.options) == 1 and is_own and not group.options[0].is_required:
            differs = group.field.metadata["differs"].get(name, {})
            if "default" not in differs:
                assert group.options[0].default == group.field.default, group.name


def test_help_says_what_stands_where_an_option_stays_open(assay):
    """A default in words is shown; markup does not swallow it."""
    help_text = " ".join(assay("audit", "--help").out.split())
    assert "[default: (all)]" in help_text


def saved(assay, tiny, file, *more):
    """Queues the tiny audit, saving its config."""
    words = audit_arguments(tiny, *with_truth(tiny), *more, "--queue", "--json")
    result = assay(*words, "--save-config", file)
    assert result.status == 0, result.err
    return JobTable(Store.default()).get(json.loads(result.out)["job_id"])


@pytest.fixture
def no_worker(monkeypatch):
    """Jobs are queued and not run."""
    monkeypatch.setattr("assay.core.jobs.worker.ensure_worker", lambda store: None)


def test_a_saved_config_asks_the_same_and_what_stands_beside_it_wins(
    assay, tiny, tmp_path, no_worker
):
    """The command queued from a config is the one that it was saved from, but for what is given."""
    file = tmp_path / "asked.toml"
    first = saved(assay, tiny, file, "--no-early-stopping")
    keys = tomllib.loads(file.read_text())
    assert keys["command"] == "audit"
    assert keys["budget"] == 30
    assert keys["early-stopping"] is False
    assert "device" not in keys
    other = str(tiny / "noise.jsonl")
    more = ("--budget", "7", "--early-stopping", "--seed-corpus", other, "--queue", "--json")
    result = assay("audit", "--config", file, *more)
    assert result.status == 0, result.err
    second = JobTable(Store.default()).get(json.loads(result.out)["job_id"])
    words = list(second.command)
    assert words.count("--seed-corpus") == 1
    assert words[words.index("--seed-corpus") + 1] == other
    assert words[words.index("--budget") + 1] == "7"
    assert "--no-early-stopping" not in words
    assert words[words.index("--reference") + 1] == str(tiny / "train.jsonl")
    for job in (first, second):
        assert not {"--config", "--save-config", "--queue", str(file)} & set(job.command)


def test_what_cannot_run_is_not_queued(assay, tiny, no_worker):
    """A question with a file that is not there is refused before it becomes a job."""
    words = audit_arguments(tiny, "--seed-corpus", str(tiny / "none.jsonl"), "--queue")
    assert assay(*words).status == 2
    assert JobTable(Store.default()).all() == []


def test_an_audit_from_a_config_is_the_audit_itself(assay, tiny, tmp_path):
    """An audit run from its own config was there already: the same question, to the last option."""
    words = audit_arguments(tiny, "--strategy", "random", "--student-epochs", "0", "--json")
    first = assay(*words)
    assert first.status == 0, first.err
    said = json.loads(first.out)
    shown = assay("show-config", said["audit"])
    assert shown.status == 0, shown.err
    file = tmp_path / "asked.toml"
    file.write_text(shown.out)
    again = assay("audit", "--config", file, "--precision", "fp32", "--json")
    assert json.loads(again.out) == {**said, "was_there": True}
    facts = read_facts(Path(said["path"]))
    assert facts.meta.command == command_line(facts.spec)


@pytest.mark.parametrize(
    ("text", "words"),
    [("colour = 1", ("'colour'",)), ('budget = "many"', ("budget", "'many'"))],
)
def test_a_config_that_does_not_fit_is_refused(assay, tmp_path, text, words):
    """Bad input exits with 2 and names the key."""
    file = tmp_path / "asked.toml"
    file.write_text(text)
    result = assay("audit", "--config", file)
    assert result.status == 2
    assert all(word in result.err for word in words)


def test_a_config_without_what_must_be_given_is_bad_usage(assay, tmp_path):
    """A config may leave options open, but not those that a command needs."""
    file = tmp_path / "asked.toml"
    file.write_text("budget = 7")
    result = assay("audit", "--config", file)
    assert result.status == 2
    assert "--base" in result.err


def test_whatever_is_sealed_says_its_config(assay):
    """Audits, decompressions and suspect tests each print what was asked; others are unknown."""
    store = Store.default()
    audit = write_sample_audit(store).stem
    write_sample_decompression(store, "said")
    test = write_sample_suspects(store).test_id
    for name, command in ((audit, "audit"), ("said", "decompress"), (test, "suspect")):
        shown = assay("show-config", name)
        assert shown.status == 0, shown.err
        assert tomllib.loads(shown.out)["command"] == command
    assert assay("show-config", "nothing").status == 2


def test_every_option_reaches_the_signature():
    """Nothing is declared that the command line leaves out."""
    for name, command in COMMANDS.items():
        assert {one.key for one in command.options} <= set(offered(name))


_ASKED = ["audit", *("--base", "builtin:minilm", "--final", "builtin:minilm", "--seed-corpus")]
_WITHOUT_MODELS = """
import json, sys
from assay.core.cli import main
for words, status in json.loads(sys.argv[1]):
    sys.argv = ["assay", *words]
    try:
        main()
    except SystemExit as end:
        assert (end.code or 0) == status, (words, end.code)
    heavy = {"torch", "transformers", "scipy"} & set(sys.modules)
    assert not heavy, (words, heavy)
"""


def test_help_and_bad_input_need_no_model_library(tmp_path):
    """Help of the program and of commands, a budget of nothing and a missing file are answered
    before torch is imported, which takes seconds."""
    answers = [
        (["--help"], 0),
        *[([name, "--help"], 0) for name in ("audit", "decompress", "list", "jobs")],
        ([*_ASKED, "builtin:docs", "--budget", "0"], 2),
        ([*_ASKED, str(tmp_path / "none.csv")], 2),
    ]
    command = [sys.executable, "-c", _WITHOUT_MODELS, json.dumps(answers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_of_commands_is_that_of_the_modules():
    """Each command is found in the module that the list names, and no module has another."""
    group = typer.main.get_command(app)
    named = {name: group.get_command(None, name).name for name in MODULES}
    assert all(name == found for name, found in named.items())
    offered = set()
    for module in set(MODULES.values()):
        own = typer.main.get_command(import_module(f"assay.core.cli.{module}").app)
        offered |= (
            {own.name} if module == "jobs" or not hasattr(own, "commands") else set(own.commands)
        )
    assert offered == set(MODULES)
