"""Graphs of tasks on real executors: order, overlap, failures, and what the round's spans say of them."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure.dispatch import Call, GraphRun, Task
from pytest_wfperf.measure.graph import Graph
from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.report import graph as text

WAIT_S = 30  # until a test that hangs is given up


class Recorded:
    """A graph inside a round."""

    def __init__(self):
        self.recorder = Recorder()
        self.recorder.begin()
        self.graph = Graph(self.recorder, lambda language, *graph: getattr(text, language)(*graph))

    def end(self):
        self.recorder.end()
        return self.recorder.freeze()

    def spans(self):
        return {span.path: span for span in self.end().spans}


@pytest.fixture
def recorded():
    return Recorded()


@pytest.fixture
def graph(recorded):
    return recorded.graph


# --- functions that another process can import ---


def pid(*_before):
    return os.getpid()


def moment():
    return time.time_ns()


def add(*numbers):
    return sum(numbers) + 1


def fail(*_before):
    raise ValueError("no")


class Unsendable(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


def fail_unsendably():
    raise Unsendable("cannot", "travel")


def fail_holding_a_lock():
    raise ValueError("held", threading.Lock())


def unreadable():
    return Unsendable("cannot", "travel")


def die():
    os._exit(1)


def lock():
    return threading.Lock()


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


# --- order ---


@pytest.mark.parametrize("parallel", [True, False])
def test_results_are_handed_on_to_those_that_need_them(graph, parallel):
    graph.add("page", lambda head, body: f"{head}:{body}", needs=("head", "body"))
    graph.add("body", lambda order: order * 2, needs="order")
    graph.add("head", lambda: "h", after="order")
    graph.add("order", lambda: 21)
    run = graph.run(parallel=parallel)
    assert run.results == {"order": 21, "head": "h", "body": 42, "page": "h:42"}
    assert (run.failures, run.skipped) == ({}, {})


def test_in_turn_tasks_keep_the_order_of_adding_as_far_as_edges_allow(graph):
    ran = []
    for name, after in (("late", "early"), ("a", ()), ("b", ()), ("c", "a"), ("d", ()), ("early", ())):
        graph.add(name, lambda name=name: ran.append(name), after)
    graph.run(parallel=False)
    assert ran == ["a", "b", "c", "d", "early", "late"]


def test_in_turn_everything_runs_here(graph):
    for name in "abc":
        graph.add(name, threading.get_ident)
    assert set(graph.run(parallel=False).results.values()) == {threading.get_ident()}


def test_what_is_ready_runs_at_once(graph):
    barrier = threading.Barrier(3)
    for name in "abc":
        graph.add(name, lambda: barrier.wait(WAIT_S), group="together")
    run = graph.run()
    assert sorted(run.results.values()) == [0, 1, 2]
    assert run.workers == 3


def test_a_task_does_not_wait_for_those_it_does_not_come_after(graph):
    second = threading.Event()
    graph.add("slow", lambda: second.wait(WAIT_S))
    graph.add("first", int)
    graph.add("second", second.set, after="first")
    assert list(graph.run().results.items()) == [("slow", True), ("first", 0), ("second", None)]


def test_after_a_group_is_after_all_of_its_members(recorded):
    recorded.graph.add("all", int, after=["checks", "fetch"])
    recorded.graph.add("fetch", int)
    recorded.graph.add("lint", int, after="fetch", group="checks")
    recorded.graph.add("types", int, "fetch", "checks")
    run = recorded.graph.run()
    spans = recorded.spans()
    assert spans["all"].after == ("lint", "types", "fetch")
    assert run.times_ns["all"][0] >= max(run.times_ns["lint"][1], run.times_ns["types"][1])
    assert {path: (s.group, s.after) for path, s in spans.items() if path != "all"} == {
        "fetch": (None, ()),
        "lint": ("checks", ("fetch",)),
        "types": ("checks", ("fetch",)),
    }


@st.composite
def graphs(draw):
    """Names in the order of adding, what each comes after, and which of them fail."""
    size = draw(st.integers(1, 12))
    after = {
        f"t{task}": [f"t{before}" for before in sorted(draw(st.sets(st.integers(0, task - 1))))] if task else []
        for task in range(size)
    }
    return draw(st.permutations(list(after))), after, draw(st.sets(st.sampled_from(list(after)), max_size=2))


def expected(after, failing):
    """Results, failures and skipped by the definition, in the order of the names' numbers."""
    results, failures, skipped = {}, set(), {}
    for name, before in after.items():
        blamed = {root for b in before for root in ({b} if b in failures else skipped.get(b, ()))}
        if blamed:
            skipped[name] = blamed
        elif name in failing:
            failures.add(name)
        else:
            results[name] = (name, *(results[b] for b in before))
    return results, failures, skipped


@settings(deadline=None, max_examples=60)
@given(graphs(), st.sampled_from([None, 1, 2, 5]))
def test_any_graph_runs_every_task_once_after_its_predecessors_and_equally_in_turn(drawn, threads):
    order, after, failing = drawn
    recorded = Recorded()
    log = []

    def task(name, *before):
        log.append(("begin", name))
        if name in failing:
            raise LookupError(name)
        log.append(("end", name))
        return (name, *before)

    for name in order:
        recorded.graph.add(name, lambda *before, name=name: task(name, *before), needs=after[name])
    results, failures, skipped = expected(after, failing)

    def check(run):
        assert run.results == results
        assert run.failures.keys() == failures
        assert {name: set(blamed) for name, blamed in run.skipped.items()} == skipped
        begun = [name for what, name in log if what == "begin"]
        assert sorted(begun) == sorted([*results, *failures])
        for name in begun:
            for before in after[name]:
                assert log.index(("end", before)) < log.index(("begin", name))
        log.clear()

    check(recorded.graph.run(parallel=False, check=False))
    if threads is None:
        check(recorded.graph.run(check=False))
    else:
        with ThreadPoolExecutor(threads) as pool:
            check(recorded.graph.run(executor=pool, check=False))
    spans = recorded.spans()
    assert {path: (span.count, span.after) for path, span in spans.items()} == {
        name: (2, tuple(after[name])) for name in [*results, *failures]
    }


# --- failures ---


@pytest.mark.parametrize("parallel", [True, False])
def test_a_failure_hides_no_result_and_skips_what_depends_on_it(recorded, parallel):
    graph = recorded.graph
    graph.add("bad", fail)
    graph.add("worse", lambda: {}["k"])
    graph.add("good", lambda: 1)
    graph.add("child", int, after="bad")
    graph.add("grandchild", int, after=("child", "worse", "good"))
    graph.add("beside", lambda good: good + 1, needs="good")
    with pytest.raises(ExceptionGroup) as caught:
        graph.run(parallel=parallel)
    assert str(caught.value) == (
        "2 of 6 tasks failed: 'bad' (ValueError: no), 'worse' (KeyError: 'k'); "
        "skipped: 'child' (after 'bad'), 'grandchild' (after 'bad', 'worse') (2 sub-exceptions)"
    )
    assert [error.__notes__ for error in caught.value.exceptions] == [["in task 'bad'"], ["in task 'worse'"]]

    run = graph.run(parallel=parallel, check=False)
    assert run.results == {"good": 1, "beside": 2}
    assert {name: type(error) for name, error in run.failures.items()} == {"bad": ValueError, "worse": KeyError}
    assert run.skipped == {"child": ("bad",), "grandchild": ("bad", "worse")}
    assert repr(run).startswith("<GraphRun: 2 of 6 tasks passed in ")

    taken = recorded.end()
    status = {span.path: (span.count, span.status, span.error) for span in taken.spans}
    assert status == {
        "bad": (2, "error", "ValueError: no"),
        "worse": (2, "error", "KeyError: 'k'"),
        "good": (2, "ok", ""),
        "beside": (2, "ok", ""),
    }
    assert taken.notes == (
        "task 'child' was skipped, as 'bad' failed",
        "task 'grandchild' was skipped, as 'bad', 'worse' failed",
    )


def test_of_an_errors_text_the_first_line_is_in_the_summary(graph):
    def compare():
        raise AssertionError("one\ntwo")

    graph.add("a", compare)
    with pytest.raises(ExceptionGroup) as caught:
        graph.run()
    assert str(caught.value) == "1 of 1 tasks failed: 'a' (AssertionError: one) (1 sub-exception)"


@pytest.mark.parametrize("parallel", [True, False])
def test_what_is_no_exception_ends_the_run(graph, parallel):
    ran = []

    def leave():
        raise SystemExit(3)

    graph.add("leave", leave)
    graph.add("next", lambda: ran.append(1), after="leave")
    with pytest.raises(SystemExit, match="3"):
        graph.run(parallel=parallel)
    assert ran == []


def test_a_coroutine_function_is_a_failure_that_says_what_to_do(graph):
    async def fetch():
        return 7

    graph.add("made", fetch)
    graph.add("run", lambda: asyncio.run(fetch()))
    run = graph.run(check=False)
    assert run.results == {"run": 7}
    assert "returned an awaitable" in str(run.failures["made"]) and "asyncio.run" in str(run.failures["made"])


@pytest.fixture
def interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a POSIX signal")
def test_an_interrupt_cancels_what_has_not_begun_and_waits_for_what_runs(graph, interruptible):
    submitted, done = [], []

    class Pool(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):
            submitted.append(super().submit(fn, *args, **kwargs))
            return submitted[-1]

    def wait_for(happened):
        given_up = time.monotonic() + WAIT_S
        while not happened() and time.monotonic() < given_up:
            time.sleep(0.001)

    def interrupt():
        wait_for(lambda: len(submitted) == 3 and submitted[2]._done_callbacks)  # the run waits for results
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(submitted[2].cancelled)
        done.append("interrupt")

    graph.add("interrupt", interrupt)
    graph.add("b", lambda: done.append("b"))
    graph.add("c", lambda: done.append("c"))
    with Pool(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            graph.run(executor=pool)
        assert done == ["interrupt"]
        assert pool.submit(lambda: "open").result() == "open"
    assert done == ["interrupt"]


# --- what is refused before anything runs ---


def never():
    raise AssertionError("ran")


def test_unknown_names_are_told_all_at_once_with_near_ones(graph):
    graph.add("parse", never)
    graph.add("render", never, after="prase")
    graph.add("write", never, after=("render", "zzz"))
    with pytest.raises(MeasurementError) as caught:
        graph.run()
    assert str(caught.value) == (
        "task 'render' comes after 'prase', no task or group of the graph (did you mean 'parse'?); "
        "task 'write' comes after 'zzz', no task or group of the graph (there are 'parse', 'render', 'write')"
    )


@pytest.mark.parametrize("parallel", [True, False])
def test_a_cycle_is_printed(graph, parallel):
    graph.add("start", never)
    graph.add("a", never, after=("start", "c"))
    graph.add("b", never, after="a")
    graph.add("c", never, needs="b")
    with pytest.raises(MeasurementError) as caught:
        graph.run(parallel=parallel)
    circles = [" -> ".join([*turned, turned[0]]) for turned in ("abc", "bca", "cab")]
    assert str(caught.value) in [
        f"tasks come after each other in a circle: {circle}; none could begin" for circle in circles
    ]
    with pytest.raises(MeasurementError, match="circle"):
        graph.to_dot()


def test_a_task_after_its_own_group_is_a_cycle(graph):
    graph.add("a", never, after="g", group="g")
    with pytest.raises(MeasurementError, match="circle: a -> a;"):
        graph.run()


def test_a_group_has_no_result_and_no_name_of_a_task(graph):
    graph.add("a", never, group="g")
    graph.add("b", never, needs="g")
    graph.add("g", never)
    with pytest.raises(MeasurementError) as caught:
        graph.run()
    assert str(caught.value) == (
        "'g' is the name of a task and of a group; "
        "task 'b' needs the result of 'g', a group, which has none; name its tasks"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a", never), "task 'a' was added twice"),
        (("", never), "the name of a task has to be a non-empty string without '/'.*, not ''"),
        (("x/y", never), "not 'x/y'"),
        ((5, never), "not 5"),
        (("b", 3), "task 'b': 3 cannot be called; add the function, not what it returns"),
        (("b", never, (), ""), "the name of a group .* not ''"),
        (("b", never, never), "task 'b': after=<function never.* no string"),
        (("b", never, (), None, [1]), r"task 'b': needs=\[1\] has to name tasks, and 1 is no string"),
    ],
)
def test_what_cannot_be_added(graph, arguments, told):
    graph.add("a", never)
    with pytest.raises(MeasurementError, match=told):
        graph.add(*arguments)


def test_executors_that_cannot_be_used(graph):
    graph.add("a", never)
    with pytest.raises(MeasurementError, match=r"executor=4 is no concurrent\.futures\.Executor .*get_executor"):
        graph.run(executor=4)
    with ThreadPoolExecutor(1) as pool, pytest.raises(MeasurementError, match=r"parallel=False runs .* in turn"):
        graph.run(parallel=False, executor=pool)


def test_an_executor_that_is_shut_is_every_tasks_failure(graph):
    with ThreadPoolExecutor(1) as pool:
        pass
    graph.add("a", never)
    graph.add("b", never, after="a")
    run = graph.run(executor=pool, check=False)
    assert "task 'a' did not come back from ThreadPoolExecutor: RuntimeError: cannot schedule" in str(run.failures["a"])
    assert run.skipped == {"b": ("a",)}


def test_an_empty_graph_runs(graph):
    for parallel in (True, False):
        run = graph.run(parallel=parallel)
        assert (run.results, run.workers, run.efficiency, run.sequential_ns) == ({}, 0, 0.0, 0)


# --- what is recorded ---


@pytest.mark.parametrize("parallel", [True, False])
def test_steps_inside_a_task_hang_under_its_own(recorded, parallel):
    step = recorded.recorder.step

    def parse():
        with step("read"), step("decode"):
            pass

    recorded.graph.add("parse", parse)
    recorded.graph.add("render", step("draw")(int))
    with step("build"):
        recorded.graph.run(parallel=parallel)
    with step("next"):
        pass
    assert set(recorded.spans()) == {
        "build", "build/parse", "build/parse/read", "build/parse/read/decode", "build/render", "build/render/draw",
        "next",
    }  # fmt: skip


@pytest.mark.parametrize("parallel", [True, False])
def test_tasks_run_in_copies_of_the_callers_context(graph, parallel):
    setting = contextvars.ContextVar("setting")
    setting.set("caller's")
    graph.add("first", lambda: (setting.get(), setting.set("task's"))[0])
    graph.add("second", setting.get, after="first")
    assert graph.run(parallel=parallel).results == {"first": "caller's", "second": "caller's"}
    assert setting.get() == "caller's"


@pytest.mark.parametrize("threads", [1, None])
def test_what_waits_for_a_worker_says_so(recorded, threads):
    def work():
        return sum(range(20_000))

    recorded.graph.add("first", work)
    recorded.graph.add("second", work)
    recorded.graph.add("last", work, after=("first", "second"))
    if threads is None:
        run = recorded.graph.run(parallel=False)
    else:
        with ThreadPoolExecutor(threads) as pool:
            run = recorded.graph.run(executor=pool)
    spans = recorded.spans()
    assert run.workers == 1
    assert spans["second"].waited_ns >= spans["first"].total_ns
    assert spans["last"].waited_ns <= spans["last"].start_ns - spans["second"].end_ns


def test_our_threads_end_with_the_run_and_a_users_stay(graph):
    graph.add("a", lambda: threading.current_thread().name)
    assert graph.run().results["a"].startswith("wfperf-graph")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wfperf-graph")]
    with ThreadPoolExecutor(1, "mine") as pool:
        assert graph.run(executor=pool).results["a"].startswith("mine")
        assert pool.submit(int).result() == 0


def test_speedup_and_efficiency():
    times = {"a": (0, 40), "b": (0, 100), "c": (40, 100), "d": (100, 140)}
    run = GraphRun(results=dict.fromkeys(times), failures={}, skipped={}, times_ns=times, makespan_ns=160)
    assert (run.sequential_ns, run.workers, run.speedup, run.efficiency) == (240, 2, 1.5, 0.75)
    in_turn = GraphRun(results={}, failures={}, skipped={}, times_ns={}, makespan_ns=320)
    assert run.speedup_over(in_turn) == 2
    assert repr(run) == "<GraphRun: 4 of 4 tasks passed in 160 ns, speedup 1.5x, at most 2 at once>"


def test_drawings_have_groups_and_a_runs_times(graph):
    graph.add("a", int)
    graph.add("b", int, after="a", group="g")
    assert "n0 -> n1" in graph.to_dot() and 'label="g"' in graph.to_dot()
    assert "n0 --> n1" in graph.to_mermaid() and 'subgraph g1["g"]' in graph.to_mermaid()
    run = graph.run()
    assert r'"a\n' in graph.to_dot(run) and '"b<br/>' in graph.to_mermaid(run)


# --- elsewhere ---


def check_on_processes(recorded, executor):
    """A graph whose tasks run in other processes, twice: results, order and what the spans say."""
    graph = recorded.graph
    graph.add("one", add)
    graph.add("two", add, group="g")
    graph.add("where", pid, group="g")
    graph.add("when", moment)
    graph.add("sum", add, after="g", needs=("one", "two"))
    with recorded.recorder.step("build"):
        first, second = graph.run(executor=executor), graph.run(executor=executor)
    in_turn = graph.run(parallel=False)
    for name in ("one", "two", "sum"):
        assert first.results[name] == second.results[name] == in_turn.results[name] == (3 if name == "sum" else 1)
    assert os.getpid() not in (first.results["where"], second.results["where"])
    assert first.results["when"] < second.results["when"]
    for run in (first, second):
        assert run.times_ns["sum"][0] >= max(run.times_ns[name][1] for name in ("one", "two", "where"))
        assert min(start for start, _ in run.times_ns.values()) >= 0
        assert max(end for _, end in run.times_ns.values()) <= run.makespan_ns
    spans = recorded.spans()
    build = spans["build"]
    for name in ("one", "two", "where", "when", "sum"):
        span = spans[f"build/{name}"]
        assert build.start_ns <= span.start_ns < span.end_ns <= build.end_ns
        assert (span.count, span.status) == (2, "ok")
        assert span.waited_ns > 0
    assert (spans["build/sum"].after, spans["build/two"].group) == (("two", "where", "one"), "g")


def check_failures_on_processes(recorded, executor):
    recorded.graph.add("bad", fail)
    recorded.graph.add("unsendable", fail_unsendably)
    recorded.graph.add("held", fail_holding_a_lock)
    recorded.graph.add("lock", lock)
    recorded.graph.add("unreadable", unreadable)
    recorded.graph.add("good", add)
    recorded.graph.add("child", add, needs="bad")
    run = recorded.graph.run(executor=executor, check=False)
    assert (run.results, run.skipped) == ({"good": 1}, {"child": ("bad",)})
    assert type(run.failures["bad"]) is ValueError and str(run.failures["bad"]) == "no"
    trace, where = run.failures["bad"].__notes__
    assert trace.startswith("in the process that ran it:\nTraceback") and "in fail\n" in trace
    assert where == "in task 'bad'"
    assert str(run.failures["unsendable"]) == "Unsendable: cannot travel"
    assert str(run.failures["held"]).startswith("ValueError: ('held', <unlocked")
    told = "what it returned cannot be pickled to be sent back: cannot pickle '_thread.lock' object"
    assert str(run.failures["lock"]) == told
    assert str(run.failures["unreadable"]).startswith("what it returned cannot be unpickled: ")
    spans = recorded.spans()
    assert (spans["bad"].status, spans["bad"].error) == ("error", "ValueError: no")
    assert (spans["lock"].status, spans["lock"].error) == ("error", told)


def test_on_processes(recorded, processes):
    check_on_processes(recorded, processes)


def test_failures_on_processes(recorded, processes):
    check_failures_on_processes(recorded, processes)


def test_what_cannot_be_sent_to_a_process_is_named(graph, processes):
    graph.add("inside", lambda: 1)
    graph.add("good", add)
    run = graph.run(executor=processes, check=False)
    assert run.results == {"good": 1}
    assert "task 'inside' did not come back from ProcessPoolExecutor" in str(run.failures["inside"])
    assert "a function at the top of a module, not a lambda" in str(run.failures["inside"])


def test_a_process_that_dies_takes_no_settled_result_with_it(graph):
    graph.add("good", add)
    graph.add("dies", die, after="good")
    graph.add("child", add, after="dies")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        run = graph.run(executor=pool, check=False)
        again = graph.run(executor=pool, check=False)
    assert (run.results, run.skipped) == ({"good": 1}, {"child": ("dies",)})
    assert isinstance(run.failures["dies"].__cause__, BrokenExecutor)
    assert "picklable" not in str(run.failures["dies"])
    assert again.failures.keys() == {"good"}


class Elsewhere(Executor):
    """Pickles what it runs, and its clock began at another time."""

    def __init__(self, ahead_ns):
        self.ahead_ns = ahead_ns
        self.took_ns = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        outcome = pickle.loads(pickle.dumps(fn))(*args, **kwargs)
        shifted = (outcome.start_ns + self.ahead_ns, outcome.end_ns + self.ahead_ns)
        self.took_ns.append(outcome.end_ns - outcome.start_ns)
        future.set_result(replace(outcome, start_ns=shifted[0], end_ns=shifted[1]))
        return future


@pytest.mark.parametrize("ahead_ns", [0, -(10**12), 10**12])
def test_a_step_of_a_machine_with_another_clock_ends_at_its_receipt(recorded, ahead_ns):
    recorded.graph.add("a", add)
    recorded.graph.add("b", add, needs="a")
    elsewhere = Elsewhere(ahead_ns)
    run = recorded.graph.run(executor=elsewhere)
    taken = recorded.end()
    a, b = sorted(taken.spans, key=lambda span: span.path)
    assert run.results == {"a": 1, "b": 2}
    assert [a.total_ns, b.total_ns] == elsewhere.took_ns
    assert 0 <= a.start_ns < a.end_ns <= b.start_ns < b.end_ns <= taken.total_ns


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        with distributed.Client(cluster) as client:
            yield client


def test_on_a_dask_cluster(recorded, dask):
    check_on_processes(recorded, dask.get_executor())


def test_dask_does_not_take_one_call_for_another(recorded, dask):
    executor = dask.get_executor()
    calls = [Call(recorded.recorder, Task(name="when", fn=moment), (), 0) for _ in range(2)]
    first, second = [future.result() for future in [executor.submit(call) for call in calls]]
    assert first.open() != second.open()


def test_failures_on_a_dask_cluster(recorded, dask):
    check_failures_on_processes(recorded, dask.get_executor())


def test_what_dask_cannot_send_is_named(graph, dask):
    held = threading.Lock()
    graph.add("held", held.locked)
    graph.add("good", add)
    run = graph.run(executor=dask.get_executor(), check=False)
    assert run.results == {"good": 1}
    assert "task 'held' did not come back from ClientExecutor" in str(run.failures["held"])
