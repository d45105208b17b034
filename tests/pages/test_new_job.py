"""Work from the browser: a form that specs declare, and a job that it starts."""

from __future__ import annotations

import re
import shlex
import time
from urllib.parse import parse_qsl

import pandas as pd
import pytest
from click import Context
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.job_form import command_shown, form, start_button
from support.pages import opened, words
from support.tiny_models import save_bert
from typer.main import get_command

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import READ_ONLY_VARIABLE, Store
from assay.core.cli import app as app_of_commands
from assay.core.data.hub_preview import preview_hub
from assay.core.specs.commands import COMMANDS
from assay.pages.components.new_job.compute import compute_flags
from assay.pages.components.new_job.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_declared_option_has_a_widget_with_its_help(kind, files):
    """A form asks for all that the command line asks for, and for nothing else."""
    app = form(kind)
    shown = {}
    for kinds in (
        "selectbox",
        "multiselect",
        "number_input",
        "text_input",
        "text_area",
        "checkbox",
    ):
        for widget in app.get(kinds):
            if widget.key and widget.key.startswith(f"new {kind}: "):
                shown[widget.key.removeprefix(f"new {kind}: ")] = widget.help
    shown.pop("preset", None)
    declared = {one.name: one.declared.help for one in COMMANDS[kind].options}
    assert shown.keys() == declared.keys()
    for name, text in declared.items():
        first = text.split(" ")[0].split(":")[0]
        assert first.replace("(", "") in shown[name].replace("\\", ""), name
    assert start_button(app).disabled == (kind != "decompress")


def test_models_are_checked_by_headers_and_start_waits_for_what_is_missing(files, no_worker):
    """Both models' types and sizes are shown before anything runs, with what limits the audit."""
    app = form(base="base", final="final")
    said = words(app)
    assert "no classification head" in said
    (table,) = [frame.value for frame in app.dataframe if "architecture" in frame.value.index]
    assert table.loc["type", "final"] == "sequence classifier"
    assert table.loc["type", "base"] == "encoder without a head"
    assert table.loc["labels", "final"] == "3"
    assert "Still needed: seed" in said.replace("\\", "")
    assert start_button(app).disabled


def test_a_pair_that_is_no_pair_cannot_be_started(files, no_worker):
    """What the job would refuse is said beside the models, and Start stays off."""
    save_bert(files / "wide", hidden=32)
    app = form(base="wide", final="final", seed_corpus=["pool.jsonl"])
    assert any("differ in width" in error.value for error in app.error)
    assert start_button(app).disabled


def test_the_command_is_the_forms_and_a_column_goes_with_its_file(files, no_worker):
    """The command that is shown asks for what was chosen, paths whole; a chosen column is named."""
    values = {"base": "base", "final": "final", "seed_corpus": ["pool.jsonl"], "budget": 7}
    app = form(**values)
    assert "has no column 'text'" in words(app).replace("\\", "")
    key = "new audit: seed_corpus pool.jsonl text"
    app.selectbox(key=key).set_value("body").run()
    assert not app.exception
    (command,) = command_shown(app)
    asked = shlex.split(command)
    assert asked[asked.index("--seed-corpus") + 1] == f"{files / 'pool.jsonl'}:text=body"
    assert asked[asked.index("--base") + 1] == str(files / "base")
    assert asked[asked.index("--budget") + 1] == "7"
    assert "Estimate" in words(app)
    start_button(app).click().run()
    (job,) = JobTable(Store.default()).all()
    assert list(job.command) == asked[1:]
    assert job.state is JobState.QUEUED


def test_a_set_on_the_hub_is_shown_on_request(files, no_worker, tmp_path, monkeypatch):
    """Without a network the page says why there is no preview; where the hub answers, the rows are
    shown and a column is chosen among those there are. Nothing is read before it is asked for."""
    on_hub = tmp_path / "hub"
    on_hub.mkdir()
    pd.DataFrame({"body": ["<b>first</b>"], "n": [1]}).to_parquet(on_hub / "train.parquet")
    name = "owner/news#train"
    key = "new audit: preview owner/news train button"
    app = form(base="base", final="final", seed_corpus=[name])
    assert "which cannot be read" not in words(app)
    app.button(key=key).click().run()
    assert not app.exception
    assert "'owner/news', which is not on this machine" in words(app).replace("\\", "")
    asked = []

    def from_here(location, split):
        asked.append((location, split))
        return preview_hub(str(on_hub), split)

    monkeypatch.setattr("assay.pages.components.new_job.documents.preview_hub", from_here)
    app.button(key=key).click().run()
    assert not app.exception
    assert asked == [("owner/news", "train")]
    assert ["<b>first</b>"] in [
        one.value.get("body", pd.Series()).tolist() for one in app.dataframe
    ]
    app.selectbox(key=f"new audit: seed_corpus {name} text").set_value("body").run()
    (command,) = command_shown(app)
    assert f"{name}:text=body" in shlex.split(command)
    assert len(asked) == 1


def test_where_models_run_is_asked_for_and_checked(files, no_worker):
    """Device and precision are in the command unless they are the default; what is no device's name
    keeps Start off; a job that runs no model is not asked."""
    app = form(base="base", final="final", seed_corpus=["pool.jsonl"])
    assert "--device" not in command_shown(app)[0]
    app.text_input(key="new job: device").set_value("cuda:1")
    app.selectbox(key="new job: precision").set_value("fp32").run()
    assert command_shown(app)[0].endswith("--device cuda:1 --precision fp32")
    app.text_input(key="new job: device").set_value("gpu").run()
    assert start_button(app).disabled
    assert any("cuda:NUMBER" in error.value for error in app.error)
    assert "new job: device" not in [one.key for one in form("report").text_input]


def test_a_pair_may_be_split_over_all_devices(files, no_worker):
    """`all` is a device for jobs on model pairs, with students that it allows; not for others."""
    app = form(base="base", final="final", seed_corpus=["pool.jsonl"])
    app.text_input(key="new job: device").set_value("all").run()
    assert start_button(app).disabled
    assert any("--student-adapter lora" in error.value for error in app.error)
    pair = {"base": "base", "final": "final", "seed_corpus": ["pool.jsonl"], "budget": 7}
    app = form(**pair, student_adapter="lora")
    app.text_input(key="new job: device").set_value("all").run()
    assert command_shown(app)[0].endswith("--device all")
    assert not app.error
    app = form("decompress")
    app.text_input(key="new job: device").set_value("all").run()
    assert any("cuda:NUMBER" in error.value for error in app.error)


def test_an_audit_may_be_bounded_in_memory(files, no_worker):
    """The size is in the command as it was written; what is no size keeps Start off; other jobs are
    not asked."""
    app = form(base="base", final="final", seed_corpus=["pool.jsonl"])
    assert "--memory" not in command_shown(app)[0]
    app.text_input(key="new job: memory").set_value("4GiB").run()
    assert command_shown(app)[0].endswith("--memory 4GiB")
    app.text_input(key="new job: memory").set_value("4").run()
    assert start_button(app).disabled
    assert any("such as 4GiB" in error.value for error in app.error)
    assert "new job: memory" not in [one.key for one in form("suspect").text_input]


# What the command line has beside the options of a form: how it reports, reads options from a file,
# computes a part, and writes over files that somebody edited.
_OF_A_TERMINAL = {
    *("--store", "--json", "--queue", "--config", "--save-config", "--shard", "--overwrite"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_offers_what_the_command_line_does(kind):
    """Every option of the command is one of the form's, and the other way round."""
    declared = KINDS[kind].command
    root = get_command(app_of_commands)
    command = root.get_command(Context(root), kind)
    flags = {one.opts[0] for one in command.params if one.opts[0].startswith("--")}
    own = {one.flag for one in declared.options if not one.declared.is_argument}
    # A diff's topics are exported by its page.
    elsewhere = _OF_A_TERMINAL | ({"--out"} if kind == "diff" else set())
    assert flags - elsewhere == own | set(compute_flags(declared.spec))


def test_an_engine_may_be_chosen_but_no_cluster_elsewhere(files, no_worker, monkeypatch):
    """Ray starts here or joins this machine's cluster; where it is not installed, Start stays off.
    What is not spread has no such choice."""
    app = form(base="base", final="final", seed_corpus=["pool.jsonl"])
    assert app.selectbox(key="new job: address").disabled
    monkeypatch.setattr("assay.core.engines.ray_engine.find_spec", lambda name: None)
    app.selectbox(key="new job: engine").set_value("ray").run()
    assert start_button(app).disabled
    assert any("assay-audit[cluster]" in error.value for error in app.error)
    monkeypatch.setattr("assay.core.engines.ray_engine.find_spec", lambda name: name)
    app.run()
    assert command_shown(app)[0].endswith("--engine ray")
    assert app.selectbox(key="new job: address").options == ["auto"]
    app.selectbox(key="new job: address").set_value("auto").run()
    assert command_shown(app)[0].endswith("--engine ray --address auto")
    app.selectbox(key="new job: engine").set_value("local").run()
    assert "--address" not in command_shown(app)[0]
    assert "new job: engine" not in [one.key for one in form("suspect").selectbox]


def test_an_untouched_form_has_no_mistake(files):
    """Where no single option is required, it says what it needs, and nothing is marked as wrong."""
    app = form("report")
    assert "Still needed: an audit, or --all FOLDER" in words(app).replace("\\", "").replace(
        "\u2060", ""
    )
    assert "marked in red" not in words(app)
    assert "small model" not in words(form("report", every="site"))
    assert "marked in red" in words(form("report", with_documents=True))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"budget": 0}, "--budget"),
        ({"checkpoints": 0}, "--checkpoints"),
        ({"task": "sft", "label_words": "A,B"}, "--label-words"),
        ({"seed_corpus": ["../elsewhere"]}, "--roots"),
        ({"seed_corpus": ["missing.jsonl/x/y"]}, "--roots"),
    ],
)
def test_what_a_spec_refuses_is_said_beside_the_field(values, named, files, no_worker):
    """An option out of range, a contradiction, a path outside: each in red, and no Start."""
    good = {"base": "base", "final": "final", "seed_corpus": ["pool.jsonl"]}
    good |= {"text_column": "body", "budget": 7}
    app = form(**good | values)
    said = [one.value.replace("\\", "").replace("\u2060", "") for one in app.markdown]
    red = [sentence for sentence in said if sentence.startswith(":red[")]
    assert any(named in sentence for sentence in red), red
    assert start_button(app).disabled
    app = form(**good)
    assert not app.error
    assert not start_button(app).disabled


def test_a_read_only_dashboard_starts_nothing(files, monkeypatch):
    """It says so, and shows neither form nor button, nor anything of the machine's files."""
    Store.default().root.mkdir(parents=True)
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    app = opened("new_audit")
    assert "read-only" in words(app)
    assert not app.button
    assert not app.get("file_uploader")


@pytest.mark.timeout(600)
def test_a_job_from_the_browser_ends_in_an_audit(files, monkeypatch):
    """Fill in, start, watch Jobs, open the result: the whole way, with real processes.

    The two models are strangers, so the audit ends with the answer that nothing can be said: what
    scores documents has tests of its own, and takes longer.
    """
    monkeypatch.setenv("ASSAY_WORKERS", "1")
    app = form(
        base="base",
        final="final",
        seed_corpus=["pool.jsonl"],
        text_column="body",
        budget=7,
        strategy=["random", "select"],
        student_epochs=0,
        map=False,
        title="From the browser",
    )
    assert not start_button(app).disabled, words(app)
    start_button(app).click().run()
    table = JobTable(Store.default())
    give_up_at = time.monotonic() + 500
    while (job := table.all()[0]).state in (JobState.QUEUED, JobState.RUNNING):
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
    assert job.state is JobState.DONE, table.log_tail(job.job_id, 30)
    jobs = opened("jobs")
    assert "From the browser" in words(jobs)
    (link,) = [one for one in jobs.get("page_link") if one.proto.label == "Open the audit"]
    ((name, audit_id),) = parse_qsl(link.proto.query_string)
    assert (name, audit_id) == ("audit", job.result_id)
    result = opened("overview", audit=audit_id)
    assert result.title[0].value == "From the browser"
    assert "No documents were scored" in words(result).replace("\\", "")


@pytest.mark.parametrize(
    ("kind", "option", "name", "label"),
    [
        ("echo", "audit", "sample", "Sample audit · 2"),
        ("diff", "first", "sample", "Sample decompression · 2"),
        ("experiment", "name", "ot-sensitivity", "Sensitivity of the distances (figure 4)"),
    ],
)
def test_results_are_offered_by_what_a_person_calls_them(kind, option, name, label, files):
    """Title and time or the paper's figure; the command has the name in the store."""
    write_sample_audit(Store.default())
    write_sample_decompression(Store.default())
    app = form(kind, **{option: name})
    (shown,) = [one for one in app.selectbox if one.key == f"new {kind}: {option}"]
    assert any(one.startswith(label) for one in shown.options)
    assert not any(re.search(r"\dT\d", one) for one in shown.options)
    assert shown.value == name


def test_options_are_called_as_a_person_writes_them(files):
    """Words that belong together keep their hyphens, in labels and in what is still needed."""
    app = form("titrate")
    labels = {one.label for kind in ("selectbox", "multiselect") for one in app.get(kind)}
    assert {"Held-out *", "Out-of-domain *", "Leaked share", "Base *"} <= labels | {
        one.label for one in app.text_input
    }
    assert "Still needed: base, final, held-out, out-of-domain, reference." in words(app).replace(
        "\\", ""
    ).replace("\u2060", "")
