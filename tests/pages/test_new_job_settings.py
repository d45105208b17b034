"""What fills in the form of a new job, and what it keeps."""

from __future__ import annotations

import json
import shlex

import pytest
from support.audit_file import write_sample_audit
from support.job_form import command_shown, form
from support.pages import opened

from assay.cache.audits.read import read_facts
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import READ_ONLY_VARIABLE, Store
from assay.core.specs.command_words import read_words
from assay.core.specs.commands import AUDIT, command_of
from assay.core.specs.config_file import config_text, parse_config
from assay.pages.components.new_job.draft import read_draft
from assay.pages.components.new_job.presets import presets


def test_the_form_survives_a_visit_elsewhere(files):
    """Another kind of job and back: what was filled in is still there, and so are columns."""
    app = form(base="base", budget=7, seed_corpus=["pool.jsonl"])
    column = "new audit: seed_corpus pool.jsonl text"
    app.selectbox(key=column).set_value("body").run()
    app.selectbox(key="kind").set_value("decompress").run()
    app.selectbox(key="kind").set_value("audit").run()
    assert app.session_state["new audit: base"] == "base"
    assert app.session_state["new audit: budget"] == 7
    assert app.selectbox(key=column).value == "body"


@pytest.mark.parametrize("preset", presets(), ids=lambda one: one.title)
def test_a_preset_fills_in_its_settings(preset, files):
    """Each preset's options stand in the form once it is chosen, and all of them are valid."""
    app = form(preset.command)
    app.selectbox(key=f"new {preset.command}: preset").set_value(preset.title).run()
    assert not app.exception
    for name, value in preset.given.items():
        held = app.session_state[f"new {preset.command}: {name}"]
        if isinstance(value, tuple) and isinstance(held, str):
            assert [float(part) for part in held.split(",")] == list(value)
        else:
            assert held == (list(value) if isinstance(value, tuple) else value)


def test_a_saved_file_fills_in_the_same_form(files):
    """What the form asks for, as `--config` reads it, asks for it again."""
    app = form(base="base", final="final", seed_corpus=["pool.jsonl"], budget=7, map=False)
    (command,) = command_shown(app)
    (download,) = app.get("download_button")
    assert download.proto.label == "Save as TOML"
    given, _ = read_words(AUDIT, shlex.split(command)[2:])
    saved = config_text(AUDIT, given)
    assert AUDIT.words(parse_config(saved, AUDIT, "asked.toml")) == shlex.split(command)[2:]


def with_file(app, text):
    """A config file given to the form."""
    (uploader,) = [one for one in app.file_uploader if "--config" in one.label]
    return uploader.upload("asked.toml", text.encode(), "application/toml").run()


def test_a_form_filled_in_otherwise_is_none_of_a_preset(files, no_worker):
    """A file or the settings of a job replace a preset's; what was wrong with a file before is said
    no more."""
    app = form()
    preset = next(one.title for one in presets() if one.command == "audit")
    chosen = "new audit: preset"
    app.selectbox(key=chosen).set_value(preset).run()
    with_file(app, "budget = 'many'")
    assert app.selectbox(key=chosen).value == preset
    assert any("budget" in one.value for one in app.error)
    with_file(app, "budget = 7")
    assert app.selectbox(key=chosen).value != preset
    assert app.session_state["new audit: budget"] == 7
    with_file(app, "budget = 'many'")
    table = JobTable(Store.default())
    table.finish(table.begin(["audit", "--base", "a", "--seed", "0"], "A job"), JobState.FAILED)
    app.switch_page("pages/jobs.py").run()
    assert not any("budget" in one.value for one in again(app).error)


def test_where_a_job_runs_survives_a_visit_elsewhere(files):
    """Device and memory stay with the form when another page has been looked at."""
    app = form()
    app.text_input(key="new job: device").set_value("cpu").run()
    app.switch_page("pages/audits.py").run()
    app.switch_page("pages/new_audit.py").run()
    assert app.text_input(key="new job: device").value == "cpu"


def test_a_draft_is_taken_back_where_it_fits(files):
    """What the browser's tab kept fills in the form again: options, columns, where it runs."""
    app = form(base="base", budget=7, seed_corpus=["pool.jsonl"])
    app.selectbox(key="new audit: seed_corpus pool.jsonl text").set_value("body").run()
    app.text_input(key="new job: memory").set_value("4GiB").run()
    held = app.session_state["new job: values"]
    draft = read_draft(json.dumps(held))
    assert draft["audit"].items() <= held["audit"].items()
    assert {one.name for one in AUDIT.options} < draft["audit"].keys()
    assert draft["audit"]["new audit: seed_corpus pool.jsonl text"] == "body"
    assert draft["compute"]["new job: memory"] == "4GiB"


def test_a_whole_number_comes_back_as_its_field_has_it(files):
    """A browser writes 1.0 as 1, which a field of fractions does not hold."""
    rate = read_draft('{"audit": {"learning_rate": 1}}')["audit"]["learning_rate"]
    assert isinstance(rate, float)
    assert (
        "--learning-rate 1.0"
        in command_shown(
            form(base="base", final="final", seed_corpus=["pool.jsonl"], learning_rate=rate)
        )[0]
    )


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"audit": 3, "compute": [], "gone": {"base": "base"}}',
        '{"audit": {"gone": 1, "base": 3, "budget": "7", "seed_corpus": "pool.jsonl"}}',
        '{"audit": {"seed": -1, "map": 1, "task": "other", "strategy": ["gone"]}}',
        '{"audit": {"new job: device": "cpu", "new titrate: x": "y", "task": null}}',
        '{"compute": {"new job: precision": "fp64", "new job: address": "ray://elsewhere:1"}}',
        '{"compute": {"new job: device": 3, "new audit: base": "base"}}',
    ],
)
def test_a_draft_that_no_form_wrote_fills_in_nothing(text):
    """Whatever stands in the tab's storage, no field gets what it could not hold."""
    assert not any(read_draft(text).values())


def failed(*command):
    """The Jobs page with one job that failed."""
    table = JobTable(Store.default())
    table.finish(table.begin(command, "A job"), JobState.FAILED, "it was wrong")
    return opened("jobs")


def again(app):
    """The form that the button leads to."""
    (button,) = [one for one in app.button if one.label == "New job like this"]
    button.click().run()
    assert not app.exception, app.exception
    assert app.title[0].value == "New job"
    return app


def test_a_job_that_failed_can_be_changed_and_started_again(files, no_worker):
    """The form holds all that the job's command said: options, columns, where it runs; what it held
    before is gone."""
    pool = files / "pool.jsonl:text=body"
    words = [*("--base", str(files / "base"), "--final", str(files / "final"), "--no-map")]
    words += ["--seed-corpus", str(pool), "--budget", "7", "--strategy", "random", "--seed", "0"]
    where = ["--device", "cpu", "--memory", "4GiB"]
    app = form(base="base", seed_corpus=["pool.jsonl"], student_epochs=3)
    app.text_input(key="new job: device").set_value("cuda:7").run()
    app.switch_page("pages/audits.py").run()
    table = JobTable(Store.default())
    table.finish(table.begin(["audit", *words, *where], "A job"), JobState.FAILED, "it was wrong")
    app.switch_page("pages/jobs.py").run()
    (command,) = command_shown(again(app))
    given, others = read_words(AUDIT, shlex.split(command)[2:], ("--device", "--memory"))
    assert given == read_words(AUDIT, words)[0]
    assert others == {"--device": "cpu", "--memory": "4GiB"}


def test_a_template_of_several_lines_can_be_changed(files):
    """Its field has lines, so an edit elsewhere in it does not join them."""
    pair = {"base": "base", "final": "final", "seed_corpus": ["pool.jsonl:text=body"]}
    app = form(**pair, task="sft", response_template="a:\nb:")
    field = app.text_area(key="new audit: response_template")
    assert field.value == "a:\nb:"
    field.set_value("x:\nb:").run()
    assert "--response-template 'x:\nb:'" in command_shown(app)[0]


def test_relative_paths_of_a_terminal_are_those_of_its_folder(files, monkeypatch):
    """A job knows where it was started: what lies there is named from the root, and nothing else
    is."""
    monkeypatch.chdir(files)
    documents = ["--seed-corpus", "pool.jsonl:text=body", "--seed-corpus", "p*.jsonl"]
    where = ["--store", "home", "--json"]
    app = again(failed("audit", "--base", "base", "--final", "owner/name", *documents, *where))
    held = app.session_state
    assert held["new audit: base"] == str(files / "base")
    assert held["new audit: final"] == "owner/name"
    assert held["new audit: seed_corpus"] == [
        str(files / "pool.jsonl:text=body"),
        str(files / "p*.jsonl"),
    ]


@pytest.mark.parametrize(
    ("command", "held", "place"),
    [
        ("experiment optimizers --model gpt2=base", "experiment: model", "gpt2={}/base"),
        ("experiment optimizers --model gpt2=owner/name", "experiment: model", "gpt2=owner/name"),
        ("report a --out r.html", "report: out", "{}/r.html"),
        ("report --all out/reports", "report: all", "{}/out/reports"),
        ("report a --out /r.html", "report: out", "/r.html"),
        ("decompress --model base[1]", "decompress: model", "{}/base[1]"),
        ("decompress --model http://here:1/v1", "decompress: model", "http://here:1/v1"),
    ],
)
def test_models_by_name_and_files_to_be_written_are_in_its_folder_too(command, held, place, files):
    """A report's file is where the terminal's job would write it, not where the dashboard runs."""
    (files / "base[1]").mkdir()
    table = JobTable(Store.default())
    table.finish(table.submit(command.split(), "A job", files), JobState.FAILED, "it was wrong")
    app = again(opened("jobs"))
    assert app.session_state[f"new {held}"] == place.format(files)


@pytest.mark.parametrize(
    ("usual", "own"),
    [
        (["--text-column", "body"], "text=text"),
        (["--label-column", "topic"], "text=body,label=label"),
        (["--prompt-column", "question"], "text=body,prompt="),
    ],
)
def test_a_set_keeps_its_own_columns_where_others_are_usual(usual, own, files, no_worker):
    """Also if its own have the name that is the default where nothing is said."""
    pair = ["--base", str(files / "base"), "--final", str(files / "final")]
    words = [*pair, *usual, "--seed", "0", "--budget", "7"]
    more = files / "more.jsonl"
    more.write_text('{"text": "a"}')
    words += ["--seed-corpus", str(more), "--reference", f"{files / 'pool.jsonl'}:{own}"]
    (command,) = command_shown(again(failed("audit", *words)))
    assert read_words(AUDIT, shlex.split(command)[2:]) == read_words(AUDIT, words)


@pytest.mark.parametrize(
    "command",
    [
        ("finetune", "--base", "a"),
        ("audit", "--base", "a", "--final", "b", "--shard", "1/2"),
        ("audit", "--base", "a", "--final", "b", "--engine", "ray", "--address", "elsewhere:1"),
        ("audit", "--base", "a", "--budget", "many"),
        ("audit", "--budget"),
        ("audit", "--base", "a", "--final", "b", "--seed", str(2**53)),
    ],
)
def test_what_no_form_could_say_is_not_offered_again(command, files):
    """A command without a form, a part of an audit, a cluster elsewhere, and what does not fit, be
    it only a browser's field, which rounds so large a seed."""
    assert not [one for one in failed(*command).button if one.label == "New job like this"]
    assert [one for one in failed("diff", "a", "b").button if one.label == "New job like this"]


def test_a_job_like_an_audit_begins_with_its_settings(files, store):
    """Overview leads to the form of the audit's kind, with what the audit was asked for."""
    path = write_sample_audit(store)
    app = again(opened("overview", audit="sample"))
    spec = read_facts(path).spec
    command = command_of(spec)
    assert app.selectbox(key="kind").value == command.name
    for name, value in command.asked(spec).items():
        held = app.session_state[f"new {command.name}: {name}"]
        assert held == (list(value) if isinstance(held, list) else value), name


def test_a_read_only_dashboard_offers_no_job_again(files, store, monkeypatch):
    """Neither on Jobs nor on an audit."""
    write_sample_audit(store)
    failed("diff", "a", "b")
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    for app in (opened("jobs"), opened("overview", audit="sample")):
        assert not [one for one in app.button if one.label == "New job like this"]
