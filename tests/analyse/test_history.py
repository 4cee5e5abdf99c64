import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from scipy import stats

from pytest_wfperf.analyse.history import Drift, Point, Taken, history
from pytest_wfperf.estimate import hodges_lehmann
from pytest_wfperf.model import Environment, Launch, Profile, Round
from pytest_wfperf.priors import CALIBRATED_SD, ESTIMATOR_SD, LAUNCH_SD, PROCESS_SD, SESSION_SD, SPEED_SD

HERE = Environment(facts=())
START = datetime(2026, 1, 3, 9, tzinfo=UTC)
FIXED = (("addresses", "fixed"),)


def profile(fastest, *, calibration=0, conditions=FIXED):
    """One launch for each of ``fastest`` (ns), whose other rounds are slower."""
    calibrations = calibration if isinstance(calibration, list) else [calibration] * len(fastest)
    return Profile(
        workflow="t.py::test",
        environment=HERE,
        launches=tuple(
            Launch(
                rounds=(Round(total_ns=ns * 3), Round(total_ns=ns), Round(total_ns=ns * 2)),
                warmup=(Round(total_ns=1),),
                calibration_ns=speed,
                conditions=conditions,
            )
            for ns, speed in zip(fastest, calibrations, strict=True)
        ),
    )


def taken(fastest, day=0, version="0001-aaaaaa", *, accepted=True, reason="", **more):
    return Taken(
        profile=profile(fastest, **more),
        created=START + timedelta(days=day),
        version=version,
        session=f"s{day}",
        commit="abc",
        reason=reason,
        accepted=accepted,
    )


def flat(ns, launches=6):
    return [ns] * launches


class TestLevels:
    def test_a_point_is_what_launches_did_fastest(self):
        (point,) = history([taken([100, 200, 400], reason="first")]).points
        assert point == Point(
            created=START,
            level_ns=pytest.approx(200),
            launches=3,
            version="0001-aaaaaa",
            session="s0",
            commit="abc",
            reason="first",
            accepted=True,
        )

    def test_it_is_hodges_and_lehmann_s_and_tukey_s_interval_over_launches(self):
        fastest = [1000, 1010, 1020, 1040, 1080, 1500, 990]
        (point,) = history([taken(fastest)]).points
        logs = sorted(math.log(ns) for ns in fastest)
        averages = sorted((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
        assert point.level_ns == pytest.approx(math.exp(hodges_lehmann(logs)))
        outside = next(w for w in range(30) if _at_most(w, 7) > 0.025)
        assert point.low_ns == pytest.approx(math.exp(averages[outside - 1]))
        assert point.high_ns == pytest.approx(math.exp(averages[-outside]))

    @pytest.mark.parametrize(("launches", "bounded"), [(1, False), (5, False), (6, True)])
    def test_few_launches_bound_nothing(self, launches, bounded):
        (point,) = history([taken(flat(100, launches))]).points
        assert (point.low_ns is not None, point.high_ns is not None) == (bounded, bounded)

    def test_calibrated_levels_are_at_the_newest_session_s_speed(self):
        found = history([taken(flat(100), 0, calibration=10), taken(flat(200), 1, calibration=20)])
        assert found.calibrated
        assert [point.level_ns for point in found.points] == pytest.approx([200, 200])
        assert found.points[0].low_ns == pytest.approx(200)
        assert found.drift.change == pytest.approx(0, abs=1e-9)

    def test_one_launch_without_calibration_leaves_all_times_plain(self):
        half = taken(flat(200), 1, calibration=[20, 20, 20, 20, 20, 0])
        found = history([taken(flat(100), 0, calibration=10), half])
        assert not found.calibrated
        assert [point.level_ns for point in found.points] == pytest.approx([100, 200])

    def test_a_profile_without_rounds_is_noted_and_no_point(self):
        empty = taken([], 1, "0002-bbbbbb")
        found = history([taken(flat(100)), empty], notes=["one is damaged"])
        assert len(found.points) == 1
        assert found.notes == ("one is damaged", "session s1 of version 0002-bbbbbb has no rounds and is left out")
        assert found.drift is None
        assert history([]).points == ()

    def test_a_round_that_took_no_time_is_a_level_too(self):
        assert history([taken([0])]).points[0].level_ns == 1

    def test_processes_of_several_kinds_are_noted(self):
        alike = history([taken(flat(100)), taken(flat(100), 1)])
        own = history([taken([100], conditions=()), taken([100], 1, conditions=())])
        mixed = history([taken(flat(100)), taken([100], 1, conditions=())])
        laid_out = history([taken(flat(100)), taken(flat(100), 1, conditions=(("addresses", "random"),))])
        assert alike.notes == own.notes == ()
        told = ("not all sessions were taken in fresh processes with memory laid out by one rule",)
        assert mixed.notes == laid_out.notes == told


class TestChanges:
    def test_medians_of_the_stretches(self):
        levels = [100, 103, 101, 102, 140, 141, 139, 150]
        (found,) = history([taken([ns * 1000], i) for i, ns in enumerate(levels)]).changes
        assert (found.at, found.before_ns, found.after_ns) == (4, pytest.approx(101_500), pytest.approx(140_500))
        assert found.change == pytest.approx(140.5 / 101.5 - 1)
        assert found.p_value < 0.05

    def test_a_lonely_oldest_point_is_in_no_stretch(self):
        levels = [50, 51, 100, 101, 102, 103, 104, 100, 101]
        whole = [taken([ns * 1000], i) for i, ns in enumerate(levels)]
        levels = [50, 100, 103, 101, 102, 140, 141, 139, 150]
        gap = history([taken([ns * 1000], i) for i, ns in enumerate(levels)], left_out=7)
        assert gap.left_out == 7
        assert [(c.at, c.before_ns) for c in gap.changes] == [(5, pytest.approx(101_500))]
        assert history(whole[:-1], left_out=3).changes == ()


class TestDrift:
    def test_by_hand(self):
        """Two sessions of the oldest version, a day apart, one of a newer one, and the run at hand."""
        sessions = [
            taken(flat(1000), 0),
            taken(flat(1040), 1, accepted=False),
            taken(flat(1500), 2, "0002-bbbbbb"),
            taken(flat(1300), 3, "", accepted=False),
        ]
        found = history(sessions)
        value = math.log(1300) - (math.log(1000) + math.log(1040)) / 2
        launch_variance = 2 * LAUNCH_SD**2 / (4 * 5 + 2)
        squares = 4 * (SESSION_SD**2 + launch_variance / 6) + (math.log(1.04) ** 2) / 2
        reach = stats.t.ppf(0.975, 5) * math.sqrt(squares / 5 * (1 + 1 / 2) + ESTIMATOR_SD**2)
        assert found.drift == Drift(
            since=found.points[0],
            change=pytest.approx(math.expm1(value)),
            low=pytest.approx(math.expm1(value - reach)),
            high=pytest.approx(math.expm1(value + reach)),
            versions=1,
        )
        assert found.drift.beyond_chance

    @pytest.mark.parametrize(
        ("more", "sd"), [({}, SESSION_SD), ({"calibration": 10}, CALIBRATED_SD), ({"conditions": ()}, PROCESS_SD)]
    )
    def test_the_prior_depends_on_the_processes(self, more, sd):
        drift = history([taken(flat(1000), 0, **more), taken(flat(1000), 1, "0002-bbbbbb", **more)]).drift
        within = 0 if sd == PROCESS_SD else 2 * LAUNCH_SD**2 / 12 / 6
        reach = stats.t.ppf(0.975, 4) * math.sqrt(2 * (sd**2 + within) + ESTIMATOR_SD**2)
        assert (drift.low, drift.high) == pytest.approx((math.expm1(-reach), math.expm1(reach)))
        assert not drift.beyond_chance

    def test_another_machine_speed_widens_it(self):
        same = history([taken(flat(1000), 0, calibration=10), taken(flat(1000), 1, calibration=10)]).drift
        other = history([taken(flat(1000), 0, calibration=10), taken(flat(2000), 1, calibration=20)]).drift
        assert other.change == pytest.approx(same.change, abs=1e-9)
        wider = math.log1p(other.high) ** 2 - math.log1p(same.high) ** 2
        assert wider == pytest.approx((stats.t.ppf(0.975, 4) * SPEED_SD * math.log(2)) ** 2)

    def test_sessions_minutes_apart_are_one(self):
        def drift(minutes):
            first = taken(flat(1000))
            again = Taken(
                profile=profile(flat(1001)), created=START + timedelta(minutes=minutes), version=first.version
            )
            return history([first, again, taken(flat(1300), 3, "")]).drift

        assert drift(59).high > drift(60).high
        assert drift(59).change == pytest.approx(drift(60).change)

    def test_versions_on_the_way(self):
        sessions = [taken(flat(1000), i, f"000{i + 1}-aaaaaa") for i in range(3)]
        assert history(sessions).drift.versions == 2
        assert history(sessions, versions=40).drift.versions == 39
        assert history([taken(flat(1000)), taken(flat(1000), 1, accepted=False)]).drift.versions == 0

    def test_it_holds_the_truth_as_often_as_it_says(self):
        source = random.Random(6)
        runs, held = 300, 0
        for _ in range(runs):
            sessions = []
            for day in range(4):
                level = source.gauss(0, SESSION_SD) + (0.1 if day == 3 else 0)
                launches = [round(1e8 * math.exp(level + source.gauss(0, 0.01))) for _ in range(6)]
                sessions.append(taken(launches, day, "0001-aaaaaa" if day < 3 else "", accepted=day == 0))
            drift = history(sessions).drift
            held += drift.low <= math.expm1(0.1) <= drift.high
        assert held >= stats.binom.ppf(0.001, runs, 0.95)
        assert held < runs


def _at_most(w, n):
    """P(W <= w) by going through all signs."""
    sums = [sum(r for r in range(1, n + 1) if bits >> r & 1) for bits in range(0, 2 ** (n + 1), 2)]
    return sum(s <= w for s in sums) / 2**n
