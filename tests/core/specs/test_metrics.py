"""What is true of a metric stands in one place."""

from __future__ import annotations

import pytest

from assay.core.specs.metrics import Metric


@pytest.mark.parametrize("metric", Metric)
def test_a_metric_says_all_that_is_shown_of_it(metric):
    """Every metric has titles and a sentence, and chance lies within its bounds."""
    info = metric.info
    assert info.title
    assert info.title[0].isupper()
    assert info.short
    assert info.meaning.endswith(".")
    low, high = info.bounds
    assert low < high
    assert info.chance is None or low <= info.chance <= high


def test_titles_tell_metrics_apart():
    """No two metrics share a title or a column."""
    assert len({metric.info.title for metric in Metric}) == len(Metric)
    assert len({metric.info.column for metric in Metric}) == len(Metric)


def test_which_way_is_better():
    """Losses, distances and imbalance are better when low; nearness is called closeness."""
    lower = {metric for metric in Metric if metric.info.is_lower_better}
    assert {Metric.LOSS, Metric.PERPLEXITY, Metric.TRANSPORT, Metric.IMBALANCE} <= lower
    assert Metric.ACCURACY not in lower
    assert Metric.TRANSPORT.info.direction == "lower is closer"
    assert Metric.CONTAINMENT.info.direction == "higher is closer"
    assert Metric.RECALL.info.direction == "higher is better"
