"""Results are deleted from their pages, after a second yes."""

from __future__ import annotations

import pytest
from support.decompression_file import write_sample_decompression
from support.pages import confirmed, opened, words
from support.suspect_record import write_sample_suspects

from assay.cache.store import Store


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


def test_a_deleted_suspect_test_still_was_made():
    """Who deletes a test is told what that does to the correction of the others."""
    write_suspects(Store.default())
    app = opened("suspects")
    confirmed(app, "suspect test")
    assert "look more certain than they are" in words(app)
