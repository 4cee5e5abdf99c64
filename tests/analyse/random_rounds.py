"""Rounds for the tests of what-if and attribution: by hand, any by hypothesis, and run by a tiny event simulator."""

from __future__ import annotations

import heapq

from hypothesis import strategies as st

from pytest_wfperf.model import Environment, Launch, Profile, Round, Span


def span(path, start, end, **more):
    ns = end - start
    times = {"count": 1, "total_ns": ns, "own_ns": ns, "min_ns": ns, "max_ns": ns} | more
    return Span(path=path, start_ns=start, end_ns=end, **times)


def chain(*lengths, gap=0, **more):
    """One step after another, called a, b, c …, with a gap before each; ``more`` is for all of them."""
    spans, at = [], 0
    for name, length in zip("abcdefgh", lengths, strict=False):
        spans.append(span(name, at + gap, at + gap + length, **more))
        at += gap + length
    return Round(total_ns=at, spans=tuple(spans))


def profile(*launches):
    return Profile(
        workflow="test_it.py::test_flow",
        environment=Environment(facts=()),
        launches=tuple(Launch(rounds=tuple(rounds)) for rounds in launches),
    )


def executed(durations, after, workers=None, tie_break=None):
    """Starts, by number, on an executor that begins what is ready in the order in which it became so."""
    place = {number: at for at, number in enumerate(tie_break or range(len(durations)))}
    waiting = {number: set(names) for number, names in enumerate(after)}
    queue = [(0, place[number], number) for number, names in waiting.items() if not names]
    heapq.heapify(queue)
    running, starts, now = [], {}, 0
    while queue or running:
        while queue and (workers is None or len(running) < workers):
            number = heapq.heappop(queue)[-1]
            starts[number] = now
            heapq.heappush(running, (now + durations[number], number))
        now = running[0][0]
        while running and running[0][0] == now:
            _, ended = heapq.heappop(running)
            for number, names in waiting.items():
                if ended in names:
                    names.remove(ended)
                    if not names:
                        heapq.heappush(queue, (now, place[number], number))
    return starts


def makespan(durations, starts):
    return max(starts[number] + ns for number, ns in enumerate(durations))


def as_round(durations, after, starts, tail=0):
    """What the recorder would tell of it: edges, and how long each was ready before it began."""
    ends = [starts[number] + ns for number, ns in enumerate(durations)]
    spans = []
    for number, names in enumerate(after):
        ready = max((ends[p] for p in names), default=0)
        edges = tuple(f"s{p}" for p in sorted(names))
        spans.append(span(f"s{number}", starts[number], ends[number], after=edges, waited_ns=starts[number] - ready))
    return Round(total_ns=max(ends) + tail, spans=tuple(spans))


@st.composite
def workflows(draw, most=6):
    """Durations, and for each task the numbers of those before it; short, so that no wait is too short to notice."""
    durations = draw(st.lists(st.integers(1, 9), min_size=1, max_size=most))
    after = [set(draw(st.lists(st.integers(0, n - 1), max_size=2))) if n else set() for n in range(len(durations))]
    return durations, after


@st.composite
def rounds(draw):
    """Any round, however odd: nested, overlapping, entered often, out of its order, reaching beyond its parent."""
    total = draw(st.integers(0, 1000))
    times = st.integers(0, total)
    spans = {}
    for path in draw(
        st.lists(st.sampled_from(["a", "b", "c", "d", "a/x", "a/y", "a/z", "a/x/p", "a/x/q"]), unique=True)
    ):
        start, end = sorted((draw(times), draw(times)))
        work = draw(st.integers(0, 2 * (end - start)))
        spans[path] = span(
            path,
            start,
            end,
            count=draw(st.integers(1, 3)),
            total_ns=work,
            own_ns=draw(st.integers(0, work)),
            after=tuple(draw(st.lists(st.sampled_from("abcdxyzpq"), max_size=2, unique=True))),
            waited_ns=draw(st.integers(0, 50)),
            retry_ns=draw(st.sampled_from([0, 0, 40])),
        )
    return Round(total_ns=total, spans=tuple(sorted(spans.values(), key=lambda s: (s.start_ns, s.path.count("/")))))
