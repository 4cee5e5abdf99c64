import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_wfperf import cli, doctor
from pytest_wfperf.doctor import assess
from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.examination import Examination
from pytest_wfperf.judge.looks import schedule
from pytest_wfperf.judge.pairs import Trial
from pytest_wfperf.measure import machine, process
from pytest_wfperf.measure.machine import Finding
from pytest_wfperf.model import Launch, Round, Span
from pytest_wfperf.pairing import DEFAULT_LIMIT, LAYOUT_SD
from pytest_wfperf.report.doctor import as_json, problems, render

STEPS = {"parse": 1_000_000, "sort": 400_000}
POSIX = pytest.mark.skipif(os.name != "posix", reason="launches processes")
GOOD = Finding(name="CPUs", value="2 of 2", fit="good")
SLOW = Finding(name="interpreter", value="debug build", fit="poor", advice="use another one.")
BOOST = Finding(name="boost", value="on", fit="poor", advice="switch it off.")
BLIND = Finding(name="governor", value=None, fit="unknown", advice="it cannot be seen.")


def launched(rng, sd, addresses="fixed", calibration_sd=0.001):
    factor = math.exp(rng.gauss(0, sd))
    rounds = []
    for _ in range(4):
        times = {path: round(ns * factor * (1 + abs(rng.gauss(0, 0.001)))) for path, ns in STEPS.items()}
        spans = [
            Span(path=p, count=1, total_ns=t, min_ns=t, max_ns=t, own_ns=t, start_ns=0, end_ns=t)
            for p, t in times.items()
        ]
        rounds.append(Round(total_ns=sum(times.values()) + 1_000, spans=tuple(spans)))
    return Launch(
        rounds=tuple(rounds),
        recorder_ns=300,
        calibration_ns=round(1e6 * math.exp(rng.gauss(0, calibration_sd))),
        conditions=(("addresses", addresses),),
    )


def pairs(number=12, sd=0.003, seed=1, **more):
    rng = random.Random(seed)
    return [(launched(rng, sd, **more), launched(rng, sd, **more)) for _ in range(number)]


@pytest.fixture(scope="module")
def quiet():
    return assess(pairs(), 0.5)


@pytest.fixture(scope="module")
def noisy():
    return assessed_with_few_replays(pairs(sd=0.10))


def assessed_with_few_replays(taken):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "REPLAYS", 40)
        return assess(taken, 2.0)


# --- what pairs tell ------------------------------------------------------------------


def test_a_quiet_machine(quiet):
    examined = Examination(findings=(GOOD, BLIND), experiment=quiet)
    assert problems(examined) == ()
    assert examined.exit_code == 0
    assert quiet.affordable == ((1, 2), (10, 20), (60, 100))
    assert [gate.path for gate in quiet.gates] == ["", "parse", "sort"]
    for gate in quiet.gates:
        assert gate.pair_sd == pytest.approx(0.003 * math.sqrt(2), rel=0.7)
        (_, in_1), (_, in_10), (_, in_60) = gate.caught
        assert in_1 is None
        assert in_60 <= in_10 <= quiet.limit
    assert not quiet.flagged
    for replay in (quiet.replay, quiet.swapped):
        assert (replay.replays, replay.flagged, replay.passed, replay.pairs) == (300, 0, 300, 6)
        assert replay.bound == pytest.approx(1 - 0.05 ** (1 / 300))


def test_a_noisy_machine(noisy):
    examined = Examination(findings=(GOOD,), experiment=noisy)
    assert examined.exit_code == 1
    (problem,) = problems(examined)
    assert problem.startswith("slowdowns of 5 %, the default limit, are not caught in 60 s, but >= ")
    assert problem.endswith("in sort; let nothing else run or allow more time (--wfperf-max-time).")
    assert noisy.swapped.passed < noisy.swapped.replays


@pytest.mark.parametrize("addresses", ["fixed", "random"])
@pytest.mark.parametrize("number", [15, 20])
def test_what_is_caught_is_what_the_judge_would_say(addresses, number):
    taken = pairs(number, sd=0.02, addresses=addresses)
    looks = schedule(number)
    trial = Trial({}, default=DEFAULT_LIMIT[addresses], looks=looks, layout_sd=LAYOUT_SD[addresses])
    trial.look({"w": taken}, len(looks) - 1)
    found = assess(taken, 60 / number)
    assert found.affordable[-1] == (60, number)
    judged = {effect.path: effect.could_have_caught for effect in trial.comparison("w", "").effects}
    assert {gate.path: gate.caught[-1][1] for gate in found.gates} == pytest.approx(judged)


def test_replays_are_the_same_every_time(noisy):
    assert noisy == assessed_with_few_replays(pairs(sd=0.10))
    assert noisy.replay.replays == 40


def test_false_alarms_are_a_problem(quiet):
    alarming = replace(quiet, swapped=replace(quiet.swapped, flagged=7))
    examined = Examination(findings=(), experiment=alarming)
    (problem,) = problems(examined)
    assert examined.exit_code == 1
    assert problem.startswith("false alarms: 7 of 300 replayed runs of unchanged code were flagged at a limit of 5 %")
    assert Examination(findings=(), experiment=replace(quiet, swapped=replace(quiet.swapped, flagged=6))).exit_code == 0


def test_a_machine_too_noisy_to_replay_often_gets_fewer_replays(monkeypatch):
    monkeypatch.setattr(doctor, "REPLAY_LIMIT_S", 0.0)
    assert assess(pairs(), 0.5).swapped.replays == 1


def test_one_side_slower_is_seen_in_the_pairs_as_taken_only():
    rng = random.Random(1)
    lopsided = [(launched(rng, 0.003), replace_factor(launched(rng, 0.003), 0.9)) for _ in range(10)]
    found = assessed_with_few_replays(lopsided)
    assert found.replay.flagged == found.replay.replays
    assert found.swapped.flagged < found.swapped.replays / 2
    examined = Examination(findings=(), experiment=found)
    assert problems(examined)[0].startswith("a false alarm: of these 10 pairs")
    assert examined.exit_code == 1
    assert assess([(other, one) for one, other in lopsided], 0.5).flagged


def replace_factor(taken, factor):
    rounds = [
        replace(
            each,
            total_ns=round(each.total_ns * factor),
            spans=tuple(replace(span, total_ns=round(span.total_ns * factor)) for span in each.spans),
        )
        for each in taken.rounds
    ]
    return replace(taken, rounds=tuple(rounds))


def test_drift_is_a_problem_of_stored_baselines():
    found = assess(pairs(calibration_sd=0.1), 0.5)
    examined = Examination(findings=(), experiment=found)
    (problem,) = problems(examined)
    assert examined.exit_code == 1
    assert problem.startswith("drift: the same piece of work took ± ")
    assert "--wfperf-against" in problem


def test_random_addresses_are_judged_at_their_own_limit():
    found = assess(pairs(addresses="random"), 0.5)
    assert (found.addresses, found.limit) == ("random", 0.10)
    mixed = [*pairs(8), *pairs(1, addresses="random")]
    assert assess(mixed, 0.5).addresses == "random"


def test_a_poor_finding_is_a_problem_unless_both_sides_meet_it_alike(quiet):
    examined = Examination(findings=(GOOD, SLOW, BOOST, BLIND), experiment=quiet)
    assert problems(examined) == ("interpreter debug build: use another one.",)
    assert examined.exit_code == 1
    assert Examination(findings=(BOOST, BLIND), experiment=quiet).exit_code == 0


# --- what is printed ------------------------------------------------------------------


def test_the_text(quiet):
    text = render(Examination(findings=(GOOD, BOOST, BLIND), experiment=quiet))
    for line in (
        "CPUs            2 of 2  good",
        "boost           on      poor",
        "governor        -       unknown",
        "  boost: switch it off.",
        "  governor: it cannot be seen.",
        "A/A run: 12 pairs of fresh processes on one workflow, 500 ms a pair, addresses fixed",
        "with m = 3 gates: one workflow of 2 steps, with no limits of their own; a project's own",
        "false alarms: the pairs themselves are not flagged; of runs drawn from them,",
        "  sides swapped by coin: 0 of 300 flagged (at most 1 % at 95 % confidence),",
        "    100 % passed; 6.0 pairs (3 s) on average",
        "fit for gates",
    ):
        assert line in text.splitlines(), f"{line!r} is not in:\n{text}"
    table = [line.split() for line in text.splitlines()]
    assert ["step", "fastest", "sd", "of", "a", "pair", "in", "1", "s", "in", "10", "s", "in", "60", "s"] in table
    assert ["(2", "pairs)", "(20", "pairs)", "(100", "pairs)"] in table
    row = next(row for row in table if row[:1] == ["parse"])
    assert row[1:3] == ["997.3", "µs"]
    assert row[-7:-6] == ["none"]
    assert row[-6:] == [">=", "4.7", "%", ">=", "4.7", "%"]
    assert max(map(len, text.splitlines())) < 120


def test_the_text_where_it_is_not_fit(noisy):
    text = render(Examination(findings=(SLOW,), experiment=noisy))
    assert "\nnot fit for gates\n  interpreter debug build: use another one.\n  slowdowns of 5 %" in text
    assert "what to change\n  interpreter: use another one." in text
    assert "what cannot be seen" not in text


def test_what_a_child_said_does_not_steer_the_terminal():
    text = render(Examination(findings=(), experiment=None, impossible="it said:\n\x1b[2J"))
    assert "no A/A run: it said:\n\\x1b[2J" in text
    assert text.endswith("not examined: it takes an A/A run to tell")


def test_the_keys_of_the_json(quiet):
    data = json.loads(json.dumps(as_json(Examination(findings=(BOOST,), experiment=quiet))))
    assert data.keys() == {"fit", "problems", "findings", "impossible", "experiment"}
    assert data["findings"] == [
        {"name": "boost", "value": "on", "fit": "poor", "advice": "switch it off.", "unit": ""}
    ]  # fmt: skip
    found = data["experiment"]
    assert found.keys() == {
        "pairs", "pair_s", "addresses", "limit", "affordable_pairs", "gates", "flagged", "replays", "calibration_ns", "drift",
    }  # fmt: skip
    assert found["gates"][0].keys() == {"path", "fastest_ns", "pair_sd", "caught"}
    assert found["gates"][0]["caught"].keys() == found["affordable_pairs"].keys() == {"1", "10", "60"}
    assert found["replays"].keys() == {"as_taken", "swapped"}
    assert found["replays"]["swapped"].keys() == {"replays", "flagged", "passed", "pairs", "upper_bound"}


# --- the command ----------------------------------------------------------------------


def environment(tmp_path, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WFPERF_", "PYTEST_", "COV_"))}
    return kept | {"PYTHONPATH": str(Path(cli.__file__).parents[1]), "TMPDIR": str(tmp_path)} | more


@POSIX
def test_a_real_run(tmp_path):
    place = tmp_path / "project"
    temporary = tmp_path / "tmp"
    for folder in (place, temporary):
        folder.mkdir()
    (place / "conftest.py").write_text("raise SystemExit('the project is none of the doctor\\'s business')")
    (place / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest_wfperf", "doctor", "--seconds", "4", "--json"],
        cwd=place, capture_output=True, text=True, check=False, timeout=120,
        env=environment(temporary, PYTEST_ADDOPTS="--nor-such-a-one", PYTEST_PLUGINS="nor.that", WFPERF_BASELINE="main"),
    )  # fmt: skip
    assert done.stderr == ""
    data = json.loads(done.stdout)
    assert done.returncode == (0 if data["fit"] else 1), data["problems"]
    assert data["impossible"] is None
    found = data["experiment"]
    assert [gate["path"] for gate in found["gates"]] == ["", "json", "sort", "regex", "sqlite"]
    assert all(20_000 < gate["fastest_ns"] < 1e9 for gate in found["gates"])
    assert found["pairs"] >= 6
    assert len(found["calibration_ns"]) == 2 * found["pairs"]
    assert min(found["calibration_ns"]) > 10_000
    addresses = next(finding for finding in data["findings"] if finding["name"] == "addresses")
    assert addresses["value"] in (found["addresses"], None)
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in place.iterdir()) == ["conftest.py", "pytest.ini"]


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing_behind(tmp_path, number, code):
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest_wfperf", "doctor", "--seconds", "60"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not (logs := list(tmp_path.glob("wfperf-*/*.log"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert logs
    assert (running.returncode, out) == (code, "")
    assert err == ("wfperf: interrupted\n" if number == signal.SIGINT else "")
    assert list(tmp_path.iterdir()) == []
    if sys.platform == "linux":
        while left := started_in(tmp_path):  # one caught while it is being started ends when it finds nobody there
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def started_in(tmp_path):
    """The processes that were started for the run whose temporary files lie there."""
    told = b"TMPDIR=" + os.fsencode(tmp_path)
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            found += [path] if told in path.read_bytes() else []
    return found


@pytest.fixture
def at_once(monkeypatch):
    """A machine that is looked at without looking."""
    monkeypatch.setattr(machine, "examine", lambda: (GOOD,))
    monkeypatch.setattr(machine, "ticks", lambda: None)


def test_pairs_are_taken_as_long_as_there_is_time_and_six_at_least(monkeypatch, at_once, capsys):
    taken = pairs(40)
    clock = iter(range(1_000))
    monkeypatch.setattr(process, "POSSIBLE", True)
    monkeypatch.setattr(doctor, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(doctor, "_pair", lambda arms, place, number: taken[number])
    lines = []
    assert len(doctor.take(0, lines.append)[0]) == 6
    assert lines[0].startswith("A/A run: pair 1, ")
    assert 6 < len(doctor.take(60, lines.append)[0]) < 40
    monkeypatch.setattr(doctor, "monotonic", lambda: 0.0)
    monkeypatch.setattr(doctor, "MOST_PAIRS", 20)
    assert len(doctor.take(60, lines.append)[0]) == 20


def test_the_environment_is_left_as_it_was(monkeypatch, tmp_path):
    monkeypatch.setenv("WFPERF_SAVE", "main")
    monkeypatch.setenv("WFPERF_WITHOUT", "heap")
    before = dict(os.environ)
    arm = doctor._arm(tmp_path)
    assert dict(os.environ) == before
    assert arm.environment["WFPERF_SAVE"] == ""
    assert "WFPERF_WITHOUT" not in arm.environment


def test_where_nothing_can_be_launched_the_findings_are_there(monkeypatch, at_once, capsys):
    monkeypatch.setattr(process, "POSSIBLE", False)
    assert cli.main(["doctor"]) == 2
    out = capsys.readouterr().out
    assert "CPUs            2 of 2  good" in out
    assert "no A/A run: this system cannot hand a socket to a new process" in out
    assert cli.main(["doctor", "--json"]) == 2
    data = json.loads(capsys.readouterr().out)
    assert (data["fit"], data["experiment"]) == (False, None)


@POSIX
def test_a_child_that_breaks_is_told_of(monkeypatch, at_once, capsys):
    monkeypatch.setattr(doctor, "WORKFLOW", "def test_steps(wfperf):\n    raise ValueError('no such luck')\n")
    assert cli.main(["doctor", "--seconds", "1"]) == 2
    assert "no such luck" in capsys.readouterr().out


def test_progress_is_shown_on_a_terminal_and_wiped(monkeypatch, at_once, capsys):
    def take(seconds, show):
        show("A/A run: pair 1, 15 s left")
        raise MeasurementError("enough")

    monkeypatch.setattr(doctor, "take", take)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "\r\x1b[Kwfperf doctor: A/A run: pair 1, 15 s left\r\x1b[K"


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon", "4000"])
def test_what_is_no_length_of_time_is_misuse(text, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["doctor", "--seconds", text])
    assert caught.value.code == 2
    assert "--seconds" in capsys.readouterr().err


def test_the_doctor_imports_no_pytest(tmp_path):
    code = "import sys, pytest_wfperf.doctor; print('pytest' in sys.modules or '_pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment(tmp_path))
    assert done.stdout.split() == [b"False"]
