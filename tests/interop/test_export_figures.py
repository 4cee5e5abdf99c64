"""The figures of a run that every exported format is made of."""

from __future__ import annotations

import pytest
from exported import CHEAP, HERE, PAY, cheap, figures, pay, span

from pytest_wfperf.interop.figures import Rate, of_profile
from pytest_wfperf.judge.verdict import summary
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Launch, Profile, Round


def profile(*launches):
    return Profile(workflow="w", environment=HERE, launches=launches)


def launch(*totals_ns, **more):
    return Launch(rounds=tuple(Round(total_ns=ns, spans=(span("a", 0, ns // 2),)) for ns in totals_ns), **more)


def test_a_results_file_gives_what_its_profile_does(tmp_path):
    stored, measured = figures(tmp_path).workflows[0], of_profile(pay())
    for field in ("workflow", "summary", "launches", "intervals", "cpu_ns", "memory_bytes", "loads"):
        assert getattr(stored, field) == getattr(measured, field)
    assert measured.summary == summary(pay())
    assert (stored.verdict, measured.verdict) == (Verdict.REGRESSED, None)
    assert measured.rates[1] == Rate(name="valid page", passed=11, total=12)
    assert stored.rates[1] == Rate(name="valid page", passed=11, total=12, minimum=0.95)


def test_six_launches_bound_a_median_and_five_do_not():
    six = [launch(1000 + n) for n in range(6)]
    interval = of_profile(profile(*six)).interval("")
    assert (interval.low_ns, interval.high_ns) == (1000, 1005)
    assert of_profile(profile(*six)).interval("a").low_ns == 500
    assert of_profile(profile(*six[:5])).intervals == ()


@pytest.mark.parametrize("many_ns", [10, 9000])
def test_an_interval_holds_the_median_even_where_one_launch_took_most_rounds(many_ns):
    found = of_profile(profile(*(launch(1000 + n) for n in range(9)), launch(*[many_ns] * 100)))
    assert found.summary.median_ns == many_ns
    interval = found.interval("")
    assert interval.low_ns <= many_ns <= interval.high_ns
    assert {interval.low_ns, interval.high_ns} & {many_ns}


def test_memory_is_the_highest_peak_of_warm_up_rounds_too():
    warm = Round(total_ns=5, memory_bytes=700)
    assert of_profile(profile(launch(5, warmup=(warm,)), launch(6))).memory_bytes == 700
    assert of_profile(cheap()).memory_bytes is None


def test_without_rounds_there_is_no_summary(tmp_path):
    assert of_profile(profile(Launch(rounds=()))).summary is None
    run = figures(tmp_path)
    assert [each.workflow for each in run.measured] == [PAY, CHEAP]
    assert len(run.workflows) == 3
    assert run.problems == ("every check passed in 0 of 1 workflows, asked for 95 %",)
    assert run.holds is False
