"""A new job: a form made of what the command declares, what was found of its input, and Start.

Nothing of the address but the kind of job is read, so that no link can fill in or start anything.
"""

from __future__ import annotations

import shlex

import streamlit as st

from assay.cache.store import Store
from assay.core.errors import AssayError
from assay.core.jobs.checked_names import NameChecker
from assay.core.jobs.start import start_job
from assay.core.runtime.allowed_roots import AllowedRoots
from assay.core.specs.options import CommandOption
from assay.pages.components.asked_for import asked_option
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter, page_file
from assay.pages.components.new_job.budget import budget_problem
from assay.pages.components.new_job.compute import choose_compute
from assay.pages.components.new_job.documents import Sets, is_of_documents, show_documents
from assay.pages.components.new_job.draft import keep_draft
from assay.pages.components.new_job.estimate import show_estimate
from assay.pages.components.new_job.form_state import Filled, Form
from assay.pages.components.new_job.kinds import DEMO, KINDS, TITLES, plan_problem
from assay.pages.components.new_job.models import found_models, show_models
from assay.pages.components.new_job.presets import choose_preset, load_config, save_config
from assay.pages.components.new_job.uploads import show_upload
from assay.pages.components.new_job.widgets import called, option_widget

enter()

_DEMO_COMMAND = (DEMO, "--no-serve")

store = Store.default()


def show_demo() -> None:
    st.write(
        "Fine-tunes a small built-in model and audits it, offline, in a few minutes. It needs no "
        "input."
    )
    st.code(shlex.join(["assay", *_DEMO_COMMAND]), language=None)
    if st.button("Start", type="primary", icon=":material/play_arrow:"):
        start(_DEMO_COMMAND, "Demo")


def start(command: tuple[str, ...], title: str) -> None:
    try:
        start_job(store, command, title)
    except AssayError as error:
        st.error(markdown_safe(str(error)))
        return
    st.switch_page(page_file("jobs"))


def show_options(form: Form, filled: Filled) -> dict[str, Sets]:
    """All options; what was found of the documents that each of them names."""
    options = form.kind.command.options
    main = [one for one in options if one.is_required or one.declared.is_main]
    others = [one for one in options if one not in main]
    found: dict[str, Sets] = {}
    sets = [one for one in main if is_of_documents(one)]
    samples = {f"{one.name}_sample": one for one in sets}
    beside = {samples[one.name].name: one for one in main if one.name in samples}
    others_of_main = [one for one in main if one not in sets and one.name not in samples]
    show_grid(form, filled, others_of_main)
    if sets:
        st.subheader("Documents", anchor=False)
        for one in sets:
            show_set(form, filled, one, beside.get(one.name))
            found[one.name] = show_documents(form, one, one.declared.is_labelled)
        show_upload(store)
    if others:
        wrong = any(one.name in filled.errors for one in others)
        with st.expander(f"More options ({len(others)})", expanded=wrong):
            show_grid(form, filled, others)
    return found


def show_set(form: Form, filled: Filled, one: CommandOption, sample: CommandOption | None) -> None:
    """A set of documents and, beside it, how many of them to keep."""
    if sample is None:
        option_widget(form, one, filled.errors.get(one.name))
        return
    left, right = st.columns([3, 1])
    with left:
        option_widget(form, one, filled.errors.get(one.name))
    with right:
        option_widget(form, sample, filled.errors.get(sample.name))


def show_grid(form: Form, filled: Filled, options: list[CommandOption]) -> None:
    columns = st.columns(2)
    for at, one in enumerate(options):
        with columns[at % 2]:
            option_widget(form, one, filled.errors.get(one.name))


def show_problems(form: Form, filled: Filled, sets: dict[str, Sets]) -> list[str]:
    """What is wrong with the whole, which the job would refuse once it runs."""
    found = [filled.errors[""]] if "" in filled.errors else []
    if filled.spec is not None:
        seen = (budget_problem(filled.spec, sets), plan_problem(form.kind, filled.spec))
        found += [one for one in seen if one]
    for sentence in found:
        st.error(markdown_safe(sentence), icon=":material/error:")
    return found


def show_start(form: Form, filled: Filled, is_stopped: bool) -> None:
    if filled.missing:
        named = ", ".join(called(one) for one in filled.missing)
        st.caption(markdown_safe(f"Still needed: {named}."))
    elif filled.asks_for:
        st.caption(markdown_safe(f"Still needed: {filled.asks_for}."))
    elif filled.errors or is_stopped:
        st.caption("Correct what is marked in red.")
    where = choose_compute(form.kind.command.spec, filled.spec)
    command = (form.kind.name, *form.kind.command.words(filled.given), *(where or ()))
    if filled.spec is not None:
        st.code(shlex.join(["assay", *command]), language=None, wrap_lines=True)
    with st.container(horizontal=True):
        is_pressed = st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=is_stopped or where is None or not filled.is_ready,
        )
        save_config(form, filled)
    if is_pressed and filled.is_ready and where is not None and not is_stopped:
        start(command, form.kind.job_title(filled.spec))


st.title("New job")
if store.is_for_reading:
    st.info("This dashboard is read-only: nothing can be started here.", icon=":material/lock:")
    st.stop()
asked = asked_option("kind", "Kind of job", TITLES, TITLES.__getitem__)
name = st.selectbox(
    "Kind of job",
    list(TITLES),
    index=list(TITLES).index(asked or "audit"),
    format_func=TITLES.__getitem__,
    key="kind",
)
st.query_params["kind"] = name
if name == DEMO:
    show_demo()
    st.stop()
form = Form(KINDS[name], NameChecker(AllowedRoots.from_environment(store.root), store))
st.caption(form.kind.about)
choose_preset(form)
form.restore()
filled = form.evaluated()
sets = show_options(form, filled)
models = found_models(form, filled.errors)
outlook = None
if models:
    st.subheader("What was found", anchor=False)
    outlook = show_models(form, models)
st.subheader("Start", anchor=False)
problems = [
    *(outlook.problems if outlook else ()),
    *show_problems(form, filled, sets),
]
show_estimate(form.kind, filled, models, sets, store)
show_start(form, filled, bool(problems) or any(one.is_unusable for one in sets.values()))
if form.kind.command.has_config:
    load_config(form)
form.keep()
keep_draft()
