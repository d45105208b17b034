"""Figures over repeats: an interval that covers, and none where none can be given."""

from __future__ import annotations

import html

import numpy as np
import pytest
from scipy.stats import norm
from support.audit_file import write_sample_audit
from support.pages import opened, words
from support.report import rendered
from support.suspect_record import PAIR
from support.titration_audit import write_sample_titration

from assay.cache.audits.read import read_metrics
from assay.cache.audits.repeats import repeats_of
from assay.cache.store import Store
from assay.core.findings.repeats import spread_in_words
from assay.core.stats.intervals import Spread

pytestmark = [pytest.mark.trains, pytest.mark.usefixtures("tiny_encoder")]


def test_the_interval_of_three_repeats_covers_the_mean():
    """Of 2,000 sets of three draws 95% have an interval with the true mean inside; a normal
    interval of the same draws, which takes their spread for known, falls far short."""
    rng = np.random.default_rng(0)
    draws = rng.normal(0.3, 0.05, size=(2_000, 3))
    spreads = [Spread.of(own) for own in draws]
    covered = [one.interval.low <= 0.3 <= one.interval.high for one in spreads]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
    reach = norm.ppf(0.975) * draws.std(axis=1, ddof=1) / 3**0.5
    assert np.mean(np.abs(draws.mean(axis=1) - 0.3) <= reach) < 0.87


def test_an_interval_stays_where_values_can_be():
    """A share's interval ends at 0, without bounds it goes below; mean and range are the draws'."""
    values = [0.0, 0.01, 0.05]
    assert Spread.of(values).interval.low < 0
    found = Spread.of(values, (0, 1))
    assert found.interval.low == 0
    assert found.interval.high == Spread.of(values).interval.high
    assert (found.mean, found.lowest, found.highest, found.n) == (0.02, 0.0, 0.05, 3)


@pytest.mark.parametrize("values", [[0.5], [0.4, 0.6], [0.5, 0.5, 0.5]])
def test_too_few_or_equal_repeats_have_no_interval(values):
    """Two repeats, or repeats that do not differ, give a mean and a range alone."""
    assert Spread.of(values).interval is None
    assert Spread.of([*values, 0.9, 0.1]).interval is not None
    with pytest.raises(ValueError):
        Spread.of([])


@pytest.mark.parametrize("value", [0.1, 0.9 + 0.1 / 12, 1 / 3, 1e-9])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_mean_of_equal_repeats_is_among_them(value, n):
    """However the sum is rounded, so that bars to the lowest and the highest have a length; some of
    these means are rounded out of their range."""
    found = Spread.of([value] * n)
    assert found.lowest <= found.mean <= found.highest


def test_what_differs_in_its_last_digits_is_alike():
    """The same mean summed in another order makes no interval, and is said to be alike."""
    found = Spread.of([0.1 + 0.2, 0.3, 0.3])
    assert found.interval is None
    assert spread_in_words(found, "{:.3f}".format) == "0.300 (all 3 equal)"
    apart = spread_in_words(Spread.of([0.1, 0.2, 0.3]), "{:.1f}".format)
    assert apart == "0.2 [-0.0 to 0.4] (0.1–0.3)"


def write_repeats(store, n):
    """One question, asked of ``n`` final models, each with a seed of its own."""
    for number in range(n):
        pair = {**PAIR, "final_weights_sha256": str(number) * 64}
        yield write_sample_titration(
            store, f"seed-{'x' * number}", grid=None, pair=pair, seed=number
        )


def test_audits_of_other_seeds_are_put_together():
    """Audits that differ by seed and final model are repeats of each other; one of the same final
    model, of another question, or whose models are not known, is none."""
    store = Store.default()
    paths = list(write_repeats(store, 3))
    again = {**PAIR, "final_weights_sha256": "1" * 64}
    write_sample_titration(store, "twin", grid=None, pair=again, seed=9)
    other = write_sample_audit(store, "other")
    assert set(repeats_of(store, paths[1])) == set(paths)
    assert repeats_of(store, paths[1])[0] == paths[1]
    assert repeats_of(store, other) == [other]


def test_membership_has_intervals_over_seeds():
    """With three final models the page has each ranking's mean AUC over them; with one it says how
    to get there."""
    store = Store.default()
    (first,) = write_repeats(store, 1)
    assert "This is one final model" in words(opened("membership", audit=first.stem))
    first.unlink()
    paths = list(write_repeats(store, 3))
    app = opened("membership", audit=first.stem)
    assert "Over 3 final models" in words(app)
    (table,) = [t.value for t in app.dataframe if "by" in t.value]
    metrics = [read_metrics(path).set_index(["subject", "metric"])["value"] for path in paths]
    mean = np.mean([own["select", "membership-auc"] for own in metrics])
    (cell,) = table[table["by"] == "SELECT"]["membership AUC"]
    assert cell.startswith(f"{mean:.3f} [")


def test_the_report_has_the_means_that_overview_shows():
    """With three final models the report has the table over them, cell by cell; with one there is
    none."""
    store = Store.default()
    (first,) = write_repeats(store, 1)
    assert "final models</h3>" not in rendered(store, first)
    first.unlink()
    paths = list(write_repeats(store, 3))
    page = rendered(store, paths[0])
    assert "Over 3 final models" in page
    shown = opened("overview", audit=paths[0].stem).dataframe
    (table,) = [t.value for t in shown if "by" in t.value and "recall, %" in t.value]
    assert all(f"<td>{html.escape(str(cell))}</td>" in page for cell in table.to_numpy().ravel())
