"""The trace: what it says, that its slices nest, and what the viewers it is made for make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from traced import BUILD, build, exhibits, profile, rendered, span
from viewers import imported, perfetto

from pytest_wfperf.analyse.analysis import analyse, typical
from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.judged import Judgement, Verdict
from pytest_wfperf.model import Round, Span
from pytest_wfperf.report import trace
from pytest_wfperf.report.exhibit import Exhibit
from pytest_wfperf.store.schema import load_schema

GOLDEN = Path(__file__).parents[1] / "golden" / "run.trace.json"
REGRESSED, BEFORE = f"{BUILD}: REGRESSED", f"{BUILD}: baseline main 0007-3fa9c1"
QUICK, GONE = "tests/test_shop.py::test_quick[</script>\\u202e]: NEW", "t.py::test_gone: MISSING"


@pytest.fixture(autouse=True)
def _version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _: "1.2.3")


def of(*spans, total_ns=100_000, **rest):
    """The trace's events of one workflow with one round."""
    one = profile("t.py::test_one", Round(total_ns=total_ns, spans=spans, **rest))
    judgement = Judgement(workflow=one.workflow, verdict=Verdict.PASS)
    return json.loads(rendered(trace, [Exhibit(judgement=judgement, profile=one)]))["traceEvents"]


def fits(data):
    Draft202012Validator(load_schema("trace", 1)).validate(json.loads(data))
    return True


# --- what it says -------------------------------------------------------------------------


def test_the_trace_is_the_golden_one_and_fits_its_schema():
    made = rendered(trace)
    assert made == GOLDEN.read_bytes()
    assert fits(made)


def test_every_part_of_the_schema_is_described():
    schema = load_schema("trace", 1)
    Draft202012Validator.check_schema(schema)
    for part in (schema, *schema["$defs"].values()):
        assert part["title"]
        assert part["description"].endswith(".")
        assert all(inner["description"].endswith(".") for inner in part.get("properties", {}).values())


@pytest.mark.parametrize(
    "damage", [{"ph": "Q"}, {"ts": -1}, {"args": {"busy_ns": "1 ms"}}, {"pid": 1}, {"cname": "red"}]
)
def test_the_schema_refuses_what_a_trace_does_not_say(damage):
    data = json.loads(rendered(trace))
    number = next(n for n, event in enumerate(data["traceEvents"]) if event["ph"] == "X")
    data["traceEvents"][number] |= damage
    assert not Draft202012Validator(load_schema("trace", 1)).is_valid(data)


def test_a_run_without_workflows_is_a_valid_trace():
    made = rendered(trace, [])
    assert fits(made)
    assert json.loads(made)["traceEvents"] == []


def test_the_round_is_the_one_that_the_analysis_lays_out():
    now = next(exhibits()).profile
    assert typical(now).total_ns == analyse(now).path_ns == build(3_000_000).total_ns
    rounds = [e for e in json.loads(rendered(trace))["traceEvents"] if e.get("cat") == "round"]
    assert [e["args"]["total_ns"] for e in rounds] == [13_100_008, 9_100_008, 1_500]
    with pytest.raises(MeasurementError, match=r"no round of .* was recorded"):
        typical(replace(now, launches=()))


def test_a_workflow_that_left_rounds_only_in_the_baseline_keeps_both_processes():
    shown = replace(next(exhibits()), profile=None, analysis=None)
    made = rendered(trace, [shown])
    assert fits(made)
    names = [e["args"]["name"] for e in json.loads(made)["traceEvents"] if e["name"] == "process_name"]
    assert names == [REGRESSED, BEFORE]


def test_another_revision_says_so_itself():
    shown = next(exhibits())
    shown = replace(shown, judgement=replace(shown.judgement, baseline="revision 1234567"))
    assert f"{BUILD}: revision 1234567" in rendered(trace, [shown]).decode()


def test_gaps_and_steps_on_the_critical_path_fill_the_round():
    events = [e for e in json.loads(rendered(trace))["traceEvents"] if e["pid"] == 1000 and e["ph"] == "X"]
    path = [e for e in events if e["tid"] == trace.PATH]
    assert [e["name"] for e in path] == ["(gap)", "fetch", "(gap)", "compile", "(gap)", 'pack "all"', "(gap)"]
    assert [e["args"]["where"] for e in path if e["cat"] == "gap"][-1] == "after the last step"
    reached = 0
    for event in path:
        assert round(event["ts"] * 1000) == reached
        reached += round(event["dur"] * 1000)
    assert reached == 13_100_008


def test_an_edge_that_no_viewer_could_bind_has_no_arrow():
    late = [
        span("a", 10, 50),
        span("b", 5, 40, after=("a",)),
        span("c", 60, 60, after=("a",)),
        span("d", 70, 80, after=("x",)),
    ]
    events = of(*late)
    assert not [e for e in events if e["ph"] in "sf"]
    told = {e["name"]: e["args"].get("after") for e in events if e.get("cat", "").startswith("step")}
    assert told == {"a": None, "b": ["a"], "c": ["a"], "d": ["x"]}


def test_an_arrow_leaves_before_the_step_it_leads_to_begins_even_if_the_first_goes_on():
    ends = [e for e in of(span("a", 0, 50_000), span("b", 20_000, 60_000, after=("a",))) if e["ph"] in "sf"]
    assert [(e["ph"], e["ts"]) for e in ends] == [("s", 19.999), ("f", 20.001)]


def test_what_is_not_recorded_has_no_counter():
    assert not [e for e in of(span("a", 0, 50)) if e["ph"] == "C"]


def test_a_counter_tells_the_most_of_the_innermost_steps_at_work():
    used = {"a": 5, "a/b": 9, "c": 7}
    spans = [span("a", 0, 50), span("a/b", 10, 20), span("c", 15, 40)]
    events = of(*[replace(one, memory_bytes=used[one.path]) for one in spans])
    told = [(round(e["ts"] * 1000), e["args"]["bytes"]) for e in events if e["ph"] == "C"]
    assert told == [(0, 5), (10, 9), (20, 7), (40, 5), (50, 0)]


# --- slices nest ----------------------------------------------------------------------------

PATHS = st.lists(st.sampled_from(["a", "b", "c/d", "</script>\u202e"]), min_size=1, max_size=3).map("/".join)
TIMES = st.tuples(st.integers(0, 3_000), st.integers(0, 2_000), st.integers(1, 3), st.lists(PATHS, max_size=2))


def drawn(path, at, took, count, after):
    return Span(
        path=path, count=count, total_ns=took // count, min_ns=0, max_ns=took, own_ns=took // (2 * count),
        start_ns=at, end_ns=at + took, after=tuple(after), cpu_ns=took, memory_bytes=at,
    )  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(PATHS, TIMES, max_size=15), st.integers(0, 6_000))
def test_on_every_thread_slices_nest_and_every_arrow_has_two_ends(steps, total):
    spans = tuple(drawn(path, *rest) for path, rest in steps.items())
    one = profile("t.py::test_one", Round(total_ns=total, spans=spans))
    judgement = Judgement(workflow=one.workflow, verdict=Verdict.PASS, baseline="main 1")
    made = rendered(trace, [Exhibit(judgement=judgement, profile=one, before=(one,))])
    assert fits(made)
    events = json.loads(made)["traceEvents"]
    threads = {}
    for event in events:
        if event["ph"] == "X":
            start = round(event["ts"] * 1000)
            threads.setdefault((event["pid"], event["tid"]), []).append((start, start + round(event["dur"] * 1000)))
    for slices in threads.values():
        assert slices == sorted(slices, key=lambda one: one[0])
        for number, (start, end) in enumerate(slices):
            for later, last in slices[number + 1 :]:
                assert later >= end or last <= end or start == later == last
    starts = {(e["pid"], e["id"]): e["ts"] for e in events if e["ph"] == "s"}
    finishes = {(e["pid"], e["id"]): e["ts"] for e in events if e["ph"] == "f"}
    assert starts.keys() == finishes.keys()
    assert len({number for _, number in starts}) == len(starts)
    assert all(starts[edge] < finishes[edge] for edge in starts)


# --- what viewers make of it ------------------------------------------------------------------

EDGES = sorted(
    [["fetch", "compile"], ["fetch", "docs"], ["parse", "emit"], ["compile", 'pack "all"'], ["docs", 'pack "all"']] * 2
)
LANE = [
    ["fetch", 1_001, 1_998_999, None],
    ["compile", 2_000_500, 9_999_501, None],
    ["parse", 2_000_600, 1_999_400, "compile"],
    ["emit", 4_100_000, 7_900_001, "compile"],
    ['pack "all"', 12_250_001, 750_000, None],
]


def test_chrome_tracing_imports_it_without_a_warning(page):
    found = imported(page, rendered(trace))
    assert found["warnings"] == []
    assert found["processes"] == [REGRESSED, BEFORE, QUICK, GONE]
    rows = {(process, thread): slices for process, thread, slices in found["threads"]}
    assert [row for row in rows if row[0] == REGRESSED] == [
        (REGRESSED, row) for row in ("round", "critical path", "lane 1", "lane 2")
    ]
    assert rows[REGRESSED, "lane 1"] == LANE
    assert rows[BEFORE, "lane 2"] == [["docs", 2_100_000, 3_900_000, None]]
    assert sorted(found["arrows"]) == EDGES
    assert found["counters"] == [["peak memory of a step", "CPUs used by a step"]] * 2 + [[], []]
    assert "this run did not meet it" in found["labels"]


def test_perfetto_imports_it_without_an_error(page):
    slices = (
        "select s.name, s.ts - trace_start(), s.dur, parent.name from slice s join thread_track t on s.track_id = t.id "
        "join thread using (utid) join process using (upid) left join slice parent on s.parent_id = parent.id "
        "where process.pid = 1000 and thread.name = 'lane 1' order by s.ts, s.depth"
    )
    arrows = "select a.name, b.name from flow join slice a on slice_out = a.id join slice b on slice_in = b.id"
    with perfetto(page, rendered(trace)) as query:
        assert query("select name, value from stats where value > 0 and severity != 'info'") == []
        names = dict(query("select pid, name from process where pid > 0"))
        assert [names[1000], names[2000], names[4000]] == [REGRESSED, BEFORE, GONE]
        assert query(slices) == LANE
        assert sorted(query(arrows)) == EDGES
        assert query("select count(*) from slice where category = 'gap'") == [[8]]
        waited = (
            "select name, extract_arg(arg_set_id, 'args.waited_ns') as waited from slice where category glob 'step*'"
        )
        assert query(f"{waited} order by waited desc limit 2") == [['pack "all"', 200_000]] * 2
        assert query("select count(distinct track_id) from counter") == [[4]]


def test_both_viewers_take_an_empty_run(page):
    made = rendered(trace, [])
    assert imported(page, made)["warnings"] == []
    with perfetto(page, made) as query:
        assert query("select count(*) from slice") == [[0]]
