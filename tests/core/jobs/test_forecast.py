"""The time left of a job: exact at constant speed, honest where stages are not as planned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import Clock

from assay.core.jobs.job_progress import Forecast


def test_forecast_scales_with_measured_speed():
    """Work twice as slow as planned has twice the planned time left, and fractions only grow."""
    clock = Clock()
    forecast = Forecast({"a": 10.0, "b": 30.0}, clock)
    seen = []
    for stage, planned in (("a", 10), ("b", 30)):
        forecast.enter(stage, 10)
        for _ in range(10):
            clock.now += 2 * planned / 10
            forecast.advance(1)
            seen.append((forecast.fraction, forecast.eta_s))
        forecast.leave()
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert seen[9] == (pytest.approx(0.25), pytest.approx(60))
    assert forecast.fraction == 1


def test_forecast_counts_skipped_stages_as_done():
    """A resumed job that enters the last stage at once is not shown at its beginning."""
    forecast = Forecast({"a": 10.0, "b": 30.0}, Clock())
    forecast.enter("b", 0)
    assert forecast.fraction == 0.25
    assert forecast.eta_s is None


def test_forecast_measures_speed_by_what_this_run_did():
    """Stages found done took no time: they do not make what is left look faster than it is."""
    clock = Clock()
    forecast = Forecast({"found": 900.0, "rest": 100.0}, clock)
    forecast.enter("rest", 100)
    clock.now = 10.0
    forecast.advance(10)
    assert forecast.fraction == pytest.approx(0.91)
    assert forecast.eta_s == pytest.approx(90)


def test_forecast_counts_a_stage_it_did_not_expect_as_small():
    """An unplanned stage moves the bar a little, skips nothing, and harms no later stage."""
    forecast = Forecast({"a": 10.0, "b": 89.0}, Clock())
    forecast.enter("a ", 2)
    assert forecast.fraction == 0
    forecast.advance(2)
    assert forecast.fraction == pytest.approx(0.01)
    forecast.leave()
    forecast.enter("b", 1)
    assert forecast.fraction == pytest.approx(0.11)
    forecast.leave()
    assert forecast.fraction == 1


def test_better_known_durations_change_what_is_left():
    """Once the work is known better, stages ahead take that long, and the one that runs and those
    that are done stay."""
    clock = Clock()
    forecast = Forecast({"read": 10.0, "a": 10.0, "b": 80.0}, clock)
    forecast.enter("read", 1)
    clock.now = 10.0
    forecast.advance(1)
    forecast.expect({"read": 99.0, "a": 30.0, "b": 160.0, "else": 5.0})
    assert forecast.eta_s == pytest.approx(190)
    forecast.leave()
    assert forecast.fraction == pytest.approx(0.05)


def test_time_passes_in_a_stage_without_units():
    """It moves at the speed of those before it, and is never called done before its end."""
    clock = Clock()
    forecast = Forecast({"a": 10.0, "b": 10.0, "c": 20.0}, clock)
    forecast.enter("a", 1)
    clock.now = 20.0
    forecast.leave()
    forecast.enter("b", 0)
    clock.now = 30.0
    assert forecast.fraction == pytest.approx(15 / 40)
    assert forecast.eta_s == pytest.approx(50)
    clock.now = 200.0
    assert forecast.fraction == pytest.approx(19 / 40)


def test_a_stage_that_counts_its_units_ends_as_its_own_speed_says():
    """A stage ten times as slow as planned is known a quarter into it; by the speed of the whole
    run, as where a stage counts nothing (the control), the time left would be half of it."""
    left = {}
    for n_units in (100, 0):
        clock = Clock()
        forecast = Forecast({"a": 50.0, "b": 50.0, "c": 1.0}, clock)
        forecast.enter("a", 0)
        clock.now = 50.0
        forecast.leave()
        forecast.enter("b", n_units)
        clock.now += 125.0
        forecast.advance(n_units // 4)
        left[n_units] = forecast.eta_s
    assert left[100] == pytest.approx(375, rel=0.02)
    assert left[0] < 375 / 2


@given(
    planned=st.lists(st.floats(1, 1e3), min_size=4, max_size=9),
    scale=st.floats(0.1, 10),
    data=st.data(),
)
def test_the_time_left_is_within_a_factor_of_two(planned, scale, data):
    """Where every stage takes once to twice its planned time on this machine's scale, with units or
    without, the time left is off by a factor of two at most from the second stage to the end."""
    clock, n = Clock(), len(planned)
    factors = data.draw(st.lists(st.floats(1, 2), min_size=n, max_size=n))
    counts = data.draw(st.lists(st.sampled_from([0, 1, 7]), min_size=n, max_size=n))
    real = [scale * one * factor for one, factor in zip(planned, factors, strict=True)]
    forecast = Forecast({str(number): one for number, one in enumerate(planned)}, clock)
    for number, (seconds, n_units) in enumerate(zip(real, counts, strict=True)):
        if number > 1 and forecast.eta_s is not None:
            assert sum(real[number:]) / 2.001 <= forecast.eta_s <= 2.001 * sum(real[number:])
        forecast.enter(str(number), n_units)
        clock.now += seconds
        forecast.advance(n_units)
        forecast.leave()


# What a demo took, stage by stage, on two cores of a server that others used as well.
_DEMO = {
    "read documentation": (15.1, 0),
    "fine-tune": (56.7, 90),
    "load models": (0.6, 0),
    "assess": (2.6, 103),
    "read documents": (0.2, 0),
    "vocabulary": (1.7, 1080),
    "gradients": (24.3, 1080),
    "embedding gradients": (27.4, 1080),
    "select": (0.2, 13),
    "exact cosines": (0.4, 599),
    "predict": (7.0, 640),
    "students": (94.1, 3840),
    "embed": (33.5, 1560),
    "map": (24.1, 0),
    "measure": (12.7, 7),
    "text alone": (2.7, 0),
    "membership": (3.5, 0),
    "titration": (16.8, 156),
}


def test_the_demos_time_left_is_honest():
    """Of a demo as it was measured, the time left is off by a factor of two at most from the second
    stage until its last seconds, also within stages; its stages are those planned, in their
    order."""
    from assay.core.audit.demo import DEMO_PLAN

    assert [stage for stage, seconds in DEMO_PLAN.items() if seconds] == list(_DEMO)
    clock, ends_at = Clock(), sum(seconds for seconds, _ in _DEMO.values())
    forecast = Forecast(DEMO_PLAN, clock)
    for number, (stage, (seconds, n_units)) in enumerate(_DEMO.items()):
        forecast.enter(stage, n_units)
        for _ in range(10):
            clock.now += seconds / 10
            forecast.advance(n_units / 10)
            left = ends_at - clock.now
            if number >= 1 and left > 10:
                assert left / 2 <= forecast.eta_s <= 2 * left, (stage, left, forecast.eta_s)
        forecast.leave()


durations = st.floats(0.01, 1e5)


@given(
    planned=st.lists(durations, min_size=1, max_size=6),
    slowness=st.floats(1e-3, 1e3),
    data=st.data(),
)
def test_at_constant_speed_the_time_left_is_exact(planned, slowness, data):
    """However wrong the plan's scale and wherever a run resumes, the seconds left are right,
    never negative, unsaid in the first second, and the fraction never falls."""
    clock = Clock()
    forecast = Forecast({str(n): seconds for n, seconds in enumerate(planned)}, clock)
    first = data.draw(st.integers(0, len(planned) - 1))
    ends_at = slowness * sum(planned[first:])
    fractions = []
    for number in range(first, len(planned)):
        forecast.enter(str(number), 4)
        for _ in range(4):
            clock.now += slowness * planned[number] / 4
            forecast.advance(1)
            fractions.append(forecast.fraction)
            left = forecast.eta_s
            if clock.now < 1:
                assert left is None
            elif left is not None:
                assert left >= 0
                assert left == pytest.approx(ends_at - clock.now, rel=1e-6, abs=1e-6 * ends_at)
        forecast.leave()
    assert fractions == sorted(fractions)
    assert forecast.fraction == pytest.approx(1)
    assert (forecast.eta_s is None) == (clock.now < 1)
