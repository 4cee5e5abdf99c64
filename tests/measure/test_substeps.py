"""Steps that a command reports of itself, in lines of any quality."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.measure import substeps
from pytest_wfperf.measure.attempts import run_command
from pytest_wfperf.measure.command import Command
from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.measure.substeps import LIMIT_LINES, TOLD, insert_substeps

MS = 1_000_000
BEGAN_NS, OFFSET_NS = 5_000 * MS, 5_000 * MS - 1_700_000_000 * 10**9  # the command runs from 1.7e9 s to 1.7e9 + 1 s


def reported(*lines: object, data: bytes = b""):
    """The spans beneath a command of 1 s, as (start, total, own) in ms from its start; their number; what is told."""
    recorder = Recorder(lambda: BEGAN_NS)
    recorder.begin()
    step = recorder.steps.insert("it", BEGAN_NS, BEGAN_NS + 1_000 * MS)
    data += b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    count, told = insert_substeps(recorder.steps, step, data, OFFSET_NS)
    recorder.end()
    spans = recorder.freeze().spans
    assert all(0 <= s.start_ns <= s.end_ns <= 1_000 * MS for s in spans)
    found = {s.path.removeprefix("it/"): (s.start_ns / MS, s.total_ns / MS, s.own_ns / MS) for s in spans}
    return found, count, told


def test_durations_are_laid_one_after_another():
    found, count, told = reported(
        {"step": "parse", "duration_ms": 12.5},
        {"step": "render", "duration_ms": 100},
        {"step": "parse", "duration_ms": 1},
    )
    assert found == {"it": (0, 1000, 886.5), "parse": (0, 13.5, 13.5), "render": (12.5, 100, 100)}
    assert (count, told) == (3, [])


def test_durations_that_do_not_fit_one_after_another_overlap_at_the_end():
    found, _, told = reported({"step": "a", "duration_ms": 800}, {"step": "b", "duration_ms": 700})
    assert found == {"it": (0, 1000, 0), "a": (0, 800, 800), "b": (300, 700, 700)}
    assert told == []


def iso(seconds: float, zone=UTC) -> str:
    return (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone).isoformat()


@pytest.mark.parametrize(
    "times",
    [
        {"start": 1_700_000_000.25, "end": 1_700_000_000.75},
        {"start": 1_700_000_000.25, "duration_ms": 500},
        {"end": 1_700_000_000.75, "duration_ms": 500},
        {"start": iso(0.25), "end": iso(0.75).replace("+00:00", "Z")},
        {"start": iso(0.25, zone=None).rpartition("+")[0] or iso(0.25, zone=None)[:-6], "end": 1_700_000_000.75},
        {"start": 1_700_000_000.25, "end": 1_700_000_000.75, "duration_ms": 3},
    ],
)
def test_times_are_put_on_the_recorders_clock(times):
    found, _, told = reported({"step": "a"} | times, {"step": "b", "duration_ms": 50})
    assert found["a"] == pytest.approx((250, 500, 500), abs=0.001)
    assert found["b"] == pytest.approx((750, 50, 50), abs=0.001), "laid behind the line before it"
    assert told == []


def test_steps_nest_whatever_the_order_of_their_lines():
    found, count, told = reported(
        {"step": "leaf", "parent": "a/b", "duration_ms": 10},
        {"step": "b", "parent": "a", "duration_ms": 30},
        {"step": "a", "duration_ms": 100, "error": "it broke"},
    )
    assert found == {"it": (0, 1000, 900), "a": (0, 100, 70), "a/b": (0, 30, 20), "a/b/leaf": (0, 10, 10)}
    assert (count, told) == (3, [])


def test_each_of_several_parents_has_its_own():
    parts = [
        line
        for n in range(3)
        for line in ({"step": "part", "parent": "a", "duration_ms": 40}, {"step": "a", "duration_ms": 100})
    ]
    assert reported(*parts)[0]["a"] == (0, 300, 180)
    timed = [{"step": "a", "start": 1.7e9 + n / 4, "duration_ms": 100} for n in range(3)]
    timed += [{"step": "part", "parent": "a", "start": 1.7e9 + n / 4 + 0.02, "duration_ms": 40} for n in (2, 0, 1)]
    assert reported(*timed)[0]["a"] == pytest.approx((0, 300, 180), abs=0.001)


def test_an_error_is_the_steps_status():
    recorder = Recorder(lambda: BEGAN_NS)
    recorder.begin()
    step = recorder.steps.insert("it", BEGAN_NS, BEGAN_NS + 9)
    insert_substeps(recorder.steps, step, b'{"step": "a", "duration_ms": 0, "error": "it broke"}', 0)
    recorder.end()
    it, a = recorder.freeze().spans
    assert (it.status, a.path, a.status, a.error) == ("ok", "it/a", "error", "it broke")


NEITHER = 'has neither "duration_ms" nor both "start" and "end"'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{step: a}", "is not JSON: '{step: a}'"),
        (b'{"step": "a", "duration_ms": 1', "is not JSON: "),
        (b"\xff\xfe\x1b[31m", "is not JSON: '\ufffd\ufffd\\x1b[31m'"),
        (b"[" * 100_000, "is not JSON: '[[[["),
        (b"7", "is not a JSON object: '7'"),
        ({"duration_ms": 1}, 'has no "step" of 1 to 200 characters'),
        ({"step": "", "duration_ms": 1}, 'has no "step" of 1 to 200 characters'),
        ({"step": "x" * 201, "duration_ms": 1}, 'has no "step" of 1 to 200 characters'),
        ({"step": 7, "duration_ms": 1}, 'has a "step" that is not a text'),
        ({"step": "a"}, NEITHER),
        ({"step": "a", "start": 1}, NEITHER),
        ({"step": "a", "end": 1}, NEITHER),
        ({"step": "a", "duration_ms": -1}, 'has a "duration_ms" that is not a number from 0 to 1e+12'),
        ({"step": "a", "duration_ms": True}, 'has a "duration_ms" that is not a number'),
        ({"step": "a", "duration_ms": "12"}, 'has a "duration_ms" that is not a number'),
        ({"step": "a", "duration_ms": float("nan")}, 'has a "duration_ms" that is not a number'),
        (b'{"step": "a", "duration_ms": 1' + b"0" * 400 + b"}", 'has a "duration_ms" that is not a number'),
        ({"step": "a", "start": "yesterday", "duration_ms": 1}, 'has a "start" that is not ISO 8601'),
        ({"step": "a", "start": 2, "end": 1}, "ends before it starts"),
        ({"step": "a", "duration_ms": 1, "error": {}}, 'has a "error" that is not a text'),
        ({"step": "a", "parent": "z", "duration_ms": 1}, "is left out: no line reports its parent 'z'"),
    ],
)
def test_a_line_that_is_not_right_is_told_with_its_number_and_the_others_count(line, told):
    found, count, problems = reported({"step": "good", "duration_ms": 1}, b"", line, {"step": "good", "duration_ms": 1})
    assert found.keys() == {"it", "good"}
    assert count == 2
    (problem,) = problems
    assert problem.startswith(f"line 3 of $WFPERF_STEPS {told}")
    assert len(problem) < 300
    assert problem.isprintable() or "\ufffd" in problem


def test_what_reaches_out_of_the_command_is_cut_and_told():
    found, _, told = reported(
        {"step": "a", "start": 1.7e9 - 0.5, "end": 1.7e9 + 0.5},
        {"step": "b", "start": 1.7e9 + 3600, "duration_ms": 20},
        {"step": "c", "duration_ms": 2000},
        {"step": "d", "start": 1.7e9 - 0.005, "end": 1.7e9 + 1.004},
    )
    assert {name: total for name, (_, total, _) in found.items()} == pytest.approx({"it": 1000, "a": 500, "b": 0, "c": 1000, "d": 1000}, abs=0.001)  # fmt: skip
    assert [text.split(" ", 4)[4] for text in told] == [
        "says that 'a' ran 500 ms outside what it is a part of",
        "says that 'b' ran 20 ms outside what it is a part of",
        "says that 'c' ran 1000 ms outside what it is a part of",
    ]


def test_only_so_much_is_told_and_read(monkeypatch):
    _, _, told = reported(*[b"no"] * 50)
    assert [text.split(" ")[1] for text in told[:TOLD]] == ["1", "2", "3", "4", "5"]
    assert told[TOLD:] == ["45 more lines of $WFPERF_STEPS are not right"]
    _, count, told = reported(*[{"step": "a", "duration_ms": 0}] * (LIMIT_LINES + 50))
    assert count == LIMIT_LINES
    assert told == ["line 10001 of $WFPERF_STEPS comes after 10000 others; nothing from there on is read"]
    monkeypatch.setattr(substeps, "STEPS_BYTES", 100)
    _, count, told = reported(*[{"step": "a", "duration_ms": 0}] * 5)
    assert count == 3
    assert told == ["line 4 of $WFPERF_STEPS is where 8 MiB end; nothing from there on is read"]


STEPS = st.fixed_dictionaries(
    {},
    optional={
        "step": st.sampled_from(["a", "b", "a/b", "\ud800"]),
        "parent": st.sampled_from(["", "a", "b", "a/b", "a/a", "/"]),
        "start": st.floats(1.7e9 - 1, 1.7e9 + 2),
        "end": st.floats(1.7e9 - 1, 1.7e9 + 2),
        "duration_ms": st.floats(0, 2_000) | st.integers(),
        "error": st.text(),
    },
)


@given(st.lists(STEPS, max_size=20), st.binary())
def test_whatever_is_reported_lies_within_the_command(lines, noise):
    found, count, _ = reported(*lines, data=noise + b"\n")
    assert len(found) <= count + 1
    for path, (_, total, own) in found.items():
        assert 0 <= own <= total, path


# --- by a real command --------------------------------------------------------------------

EMITS = """
import json, os, sys, time
def emit(**line):
    with open(os.environ["WFPERF_STEPS"], "a") as file: print(json.dumps(line), file=file)
start = time.time(); time.sleep(0.05)
emit(step="timed", start=start, end=time.time())
emit(step="told", duration_ms=1)
print("oops", file=open(os.environ["WFPERF_STEPS"], "a"))
raise SystemExit(int(sys.argv[1]))
"""


def run(tmp_path, recorder, code="0", **settings):
    command = Command(name="it", argv=[sys.executable, "-I", "-S", "-c", EMITS, code], **settings)
    return run_command(command, recorder, tmp_path / "logs", sleep=lambda _: None)


def test_a_commands_own_steps_are_beneath_its_step(tmp_path):
    recorder = Recorder()
    recorder.begin()
    result = run(tmp_path, recorder)
    assert result.substeps == 2
    assert [path.suffix for path in (tmp_path / "logs").iterdir()] == [".log"], "what it reported is not kept"
    recorder.end()
    taken = recorder.freeze()
    spans = {span.path: span for span in taken.spans}
    assert spans.keys() == {"it", "it/timed", "it/told"}
    timed = spans["it/timed"]
    assert spans["it"].start_ns < timed.start_ns < timed.end_ns <= spans["it"].end_ns
    assert timed.total_ns >= 50 * MS
    assert taken.notes == ("command 'it': line 3 of $WFPERF_STEPS is not JSON: 'oops'",)


def test_of_several_attempts_the_lasts_steps_count(tmp_path):
    recorder = Recorder()
    recorder.begin()
    result = run(tmp_path, recorder, code="1", retries=1, check=False)
    recorder.end()
    assert {span.path for span in recorder.freeze().spans} == {
        "it", "it/attempt 1", "it/attempt 2", "it/attempt 2/timed", "it/attempt 2/told"
    }  # fmt: skip
    assert result.substeps == 2


def test_a_clock_that_counts_something_else_has_no_place_for_them(tmp_path):
    counts = iter(range(100))
    recorder = Recorder(lambda: next(counts))
    recorder.begin()
    assert run(tmp_path, recorder).substeps == 0
    recorder.end()
    (span,) = recorder.freeze().spans
    assert span.path == "it"
