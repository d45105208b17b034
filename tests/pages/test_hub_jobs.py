"""A job from the browser whose models and documents are names on the hub, against a real server."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1.element_tree import Selectbox
from support.hub import TOKEN, served
from support.job_form import form, start_button
from support.pages import opened, words
from support.waiting import wait_until

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store

pytestmark = pytest.mark.usefixtures("typed")
ACTIVE = (JobState.QUEUED, JobState.RUNNING)


@pytest.fixture
def hub(tmp_path, tiny, monkeypatch):
    """The tiny pair and a seed corpus with other columns; jobs and previews of pages find it."""
    rows = [json.loads(line) for line in (tiny / "leaked.jsonl").read_text().splitlines()]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    table = pd.DataFrame(rows).rename(columns={"text": "body", "label": "kind"})
    table.to_parquet(corpus / "train.parquet")
    with served() as one:
        one.add("tiny/base", tiny / "base")
        one.add("tiny/final", tiny / "final", needs_token=True)
        one.add("tiny/corpus", corpus, "datasets")
        for name, value in {**one.variables(tmp_path / "hf"), "HF_TOKEN": TOKEN}.items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.fixture
def typed(monkeypatch):
    """Streamlit's runner sends only what is offered; a browser also sends what was typed."""

    def sent(self):
        state = WidgetState(id=self.id)
        if self.value is not None and self.options:
            state.string_value = str(self.format_func(self.value))
        return state

    monkeypatch.setattr(Selectbox, "_widget_state", property(sent))


def filled(**values):
    small = {"budget": 20, "n_student_epochs": 0, "is_mapped": False, "strategy": ["top-k"]}
    return form(**{**small, **values})


def ended(app):
    """The job that Start makes, when it has ended."""
    start_button(app).click().run()
    table = JobTable(Store.default())
    wait_until(lambda: table.all() and table.all()[0].state not in ACTIVE, seconds=200)
    return table.all()[0]


@pytest.mark.trains
def test_a_job_of_names_on_the_hub_ends_with_an_audit(hub):
    """The form fetches nothing before it is asked. Then it shows what the models' headers say, and
    its preview offers the columns; the job fetches pair and documents, and the audit is shown. The
    token is nowhere in the store."""
    app = filled(base="tiny/base", final="tiny/final", seed_corpus=["tiny/corpus"])
    assert "tiny/base is not on this machine yet" in words(app).replace("\\", "")
    assert not hub.seen
    for name in ("base", "final"):
        app.button(key=f"new audit: look up tiny/{name} button {name}").click().run()
    (table,) = [frame.value for frame in app.dataframe if "architecture" in frame.value.index]
    assert table.loc["type"].tolist() == ["sequence classifier"] * 2
    app.button(key="new audit: preview tiny/corpus  button").click().run()
    assert not app.exception
    assert hub.seen
    column = app.selectbox(key="new audit: seed_corpus tiny/corpus text")
    assert column.options == ["body", "kind"]
    column.set_value("body").run()
    job = ended(app)
    assert job.state is JobState.DONE, job.log.read_text()
    (audit,) = Store.default().audits.glob("*.duckdb")
    assert "final" in words(opened("overview", audit=audit.stem))
    kept = [path for path in Store.default().root.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in kept)


def test_a_job_of_a_name_that_the_hub_does_not_have_fails_in_a_sentence(hub):
    """The page Jobs says what is wrong, without a traceback."""
    job = ended(filled(base="tiny/none", final="tiny/final", seed_corpus=["tiny/corpus"]))
    assert job.state is JobState.FAILED
    assert "'tiny/none', which is not on the hub or is private" in words(opened("jobs")).replace(
        "\\", ""
    )
    assert "Traceback" not in job.log.read_text()
