"""Audits of experiments: filed under them, found again, deleted with them and no others."""

from __future__ import annotations

import pytest
from support.audit_file import write_sample_audit
from support.experiment_file import write_sample_experiment
from support.pages import confirmed, opened, words

from assay.cache.experiments.cells import (
    cells_by_experiment,
    delete_experiment,
    file_cell,
    own_cells,
)
from assay.cache.store import Store


@pytest.fixture
def store():
    """An audit of one's own, one that two experiments share, and one of a run under way."""
    store = Store.default()
    write_sample_audit(store, "own", title="My own audit")
    write_sample_audit(store, "shared", title="A shared cell")
    write_sample_audit(store, "alone", title="A cell of one")
    write_sample_audit(store, "begun", title="A cell of a run under way")
    write_sample_experiment(store, "main-sft", audit_ids=("shared", "alone"))
    write_sample_experiment(store, "selection-size", audit_ids=("shared",))
    file_cell(store, "optimizers-small-0", "begun")
    return store


def listed(store):
    return {path.stem for path in store.audits.glob("*.duckdb")}


def test_cells_are_filed_under_their_experiments(store):
    """Complete experiments and ones under way have their audits; one's own audit is of none."""
    cells = cells_by_experiment(store)
    assert cells["main-sft-small-30"] == {"shared", "alone"}
    assert cells["optimizers-small-0"] == {"begun"}
    assert not any("own" in audits for audits in cells.values())
    assert own_cells(store, "main-sft-small-30") == {"alone"}


def test_the_list_of_audits_shows_cells_when_asked(store):
    """Audits lists one's own alone, counts the others, and a switch in the address shows all."""
    text = words(opened("audits"))
    assert "My own audit" in text
    assert "A shared cell" not in text
    app = opened("audits", cells="true")
    assert "(3)" in app.toggle(key="cells").label
    for title in ("My own audit", "A shared cell", "A cell of one", "A cell of a run under way"):
        assert title in words(app)
    assert "part of the experiment main-sft-small-30" in words(app).replace("\\", "")


def test_a_cell_is_offered_beside_its_experiments(store):
    """Pages offer one's own audits; at a cell's address its experiment's too, also on the next
    page that is opened without one."""
    assert opened("overview").selectbox[0].options == ["My own audit"]
    app = opened("overview", audit="alone")
    assert "A cell of one" in words(app)
    assert set(app.selectbox[0].options) == {"My own audit", "A shared cell", "A cell of one"}
    del app.query_params["audit"]
    app.switch_page("pages/selection.py").run()
    assert app.query_params["audit"] == "alone"


def test_a_store_of_cells_alone_still_opens(store):
    """Where every audit is a cell, all are offered."""
    (store.audits / "own.duckdb").unlink()
    assert len(opened("overview").selectbox[0].options) == 3


def test_deleting_an_experiment_takes_its_own_cells_alone(store):
    """Its file and the audits that only it has go; shared ones, one's own and a run's under way
    stay, and so do all where only the file is to go."""
    delete_experiment(store, "main-sft-small-30", with_audits=True)
    assert listed(store) == {"own", "shared", "begun"}
    assert "main-sft-small-30" not in cells_by_experiment(store)
    delete_experiment(store, "selection-size-small-30", with_audits=False)
    assert listed(store) == {"own", "shared", "begun"}


@pytest.mark.parametrize("with_audits", [True, False])
def test_the_page_deletes_a_run_once_its_name_is_typed(store, with_audits):
    """Delete asks first and says how many audits would go; they stay where that is unticked."""
    path = store.experiments / "main-sft-small-30.duckdb"
    app = opened("experiments", recipe="main-sft")
    (ask,) = [button for button in app.button if button.label == "Delete this run"]
    ask.click().run()
    assert path.exists()
    assert "(1)" in app.checkbox[0].label
    app.checkbox[0].set_value(with_audits)
    confirmed(app, "run").click().run()
    assert not path.exists()
    assert ("alone" in listed(store)) != with_audits
    assert "has not been run" in words(app)
