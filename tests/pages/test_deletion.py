"""Results are deleted from their pages, after a second yes."""

from __future__ import annotations

import html

import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.pages import confirmed, opened, words
from support.pair_rows import of_pair
from support.report import rendered
from support.suspect_record import write_sample_suspects

from assay.cache.audits.model_pair import n_deleted_tests
from assay.cache.deletions import deletions
from assay.cache.store import Store
from assay.core.report.story import render_story


def write_suspects(store):
    for number in (0, 1):
        write_sample_suspects(store, number=number)
    return [store.root / "suspect-tests" / f"suspect-{number:012x}.json" for number in (0, 1)]


def write_decompressions(store):
    for name in ("one", "other"):
        write_sample_decompression(store, name)
    return [store.decompressions / f"{name}.duckdb" for name in ("one", "other")]


@pytest.mark.parametrize(
    ("page", "parameter", "what", "write"),
    [
        ("suspects", "test", "suspect test", write_suspects),
        ("topics", "decompression", "decompression", write_decompressions),
    ],
)
def test_one_result_goes_and_the_other_is_shown(page, parameter, what, write):
    """Only the result that is looked at goes, only after the second yes, and the page then shows
    what is left instead of missing what its address named."""
    gone, left = write(Store.default())
    app = opened(page, **{parameter: gone.stem})
    confirm = confirmed(app, what)
    assert gone.exists()
    confirm.click().run()
    assert not app.exception
    assert not gone.exists()
    assert left.exists()
    assert not app.warning
    assert app.query_params[parameter] in (left.stem, [left.stem])


def test_an_audit_goes_only_when_its_name_is_typed():
    """The button stays off until the name stands there, and the deletion is journalled."""
    store = Store.default()
    path = write_sample_audit(store)
    app = opened("audits")
    for name, is_off in ((None, True), ("another", True), (path.stem, False)):
        # Outside a browser every run is of the whole page, which closes a dialog: ask again.
        ask = app.button(key="delete-sample").click()
        if name is not None:
            app.text_input(key=f"name of {path.stem}").set_value(name)
        ask.run()
        _, sure = [button for button in app.button if button.label == "Delete"]
        assert sure.disabled == is_off
    assert path.exists()
    sure.click().run()
    assert not path.exists()
    (line,) = deletions(store.root)
    assert (line["kind"], line["name"]) == ("audit", path.stem)


def test_a_deleted_suspect_test_keeps_counting():
    """Other tests of the same models stay corrected for it, and the page says so; one of other
    models does not count, nor one that was made again."""
    store = Store.default()
    write_suspects(store)
    records = store.suspect_tests.all()
    pair = records[0].pair
    assert pair is not None
    before = words(opened("suspects", test=records[1].test_id))
    store.suspect_tests.delete(records[0].test_id)
    assert n_deleted_tests(store, pair) == 1
    assert n_deleted_tests(store, ("other", "models")) == 0
    assert same_pair_sentence(before) == same_pair_sentence(
        words(opened("suspects", test=records[1].test_id))
    )
    said = words(opened("suspects"))
    assert "still counts" in said
    assert "deleted ones included" in said  # the assumptions agree with it
    store.suspect_tests.write(records[0])
    assert n_deleted_tests(store, pair) == 0


def write_barely_passing(store):
    """A suspect test that is evidence alone, and none as one of two."""
    return next(
        made
        for shift in range(40)
        if 0.005 < (made := write_sample_suspects(store, 0, shift / 40)).p_value < 0.01
    )


def plain(app):
    return words(app).replace("\\", "")


def test_a_deleted_suspect_test_keeps_counting_wherever_an_answer_is():
    """Overview, the list of audits, report and slides call a test evidence only where the page
    Suspects does: not once another test of the same models was made and deleted."""
    store = Store.default()
    path = write_sample_audit(store, before_seal=of_pair)
    write_barely_passing(store)
    claim = "Fine-tuning favours the suspects"

    def claims():
        said = [
            plain(opened("suspects")),
            plain(opened("overview", audit=path.stem)),
            plain(opened("audits")),
            html.unescape(rendered(store, path)),
            html.unescape(render_story(store, path)),
        ]
        return [claim in one for one in said]

    assert all(claims())
    other = write_sample_suspects(store, 1)
    store.suspect_tests.delete(other.test_id)
    assert n_deleted_tests(store, other.pair) == 1
    assert not any(claims())


def test_deleted_suspect_tests_are_not_said_to_be_missing():
    """Where every test of the models was deleted, the answer says so, and not that none was made;
    of models that were never tested it says that (the control)."""
    store = Store.default()
    path = write_sample_audit(store, before_seal=of_pair)
    never = "No particular documents were tested"
    assert never in plain(opened("overview", audit=path.stem))
    store.suspect_tests.delete(write_sample_suspects(store, 0).test_id)
    said = plain(opened("overview", audit=path.stem))
    assert "The suspect test of these models was deleted." in said
    assert never not in said
    assert "Were particular documents trained on?" not in rendered(store, path)


def same_pair_sentence(said):
    """What the finding says, without what else is on the page."""
    return said.splitlines()[2:4]


def test_a_damaged_journal_stops_nothing():
    """Lines that are not ours are passed over."""
    store = Store.default()
    write_suspects(store)
    (store.root / "deletions.jsonl").write_text('nonsense\n[1]\n{"kind": 3}\n\xff\n')
    assert deletions(store.root) == []
    opened("suspects")
