"""Profiles for the store's tests: one by hand, any by hypothesis."""

from hypothesis import strategies as st

from pytest_wfperf.loads import Load, LoadStep
from pytest_wfperf.model import Cache, Check, Environment, Launch, Metric, Profile, Round, Span

HERE = Environment(facts=(("cpus", "2"), ("python", "cpython3.12"), ("system", "Linux")), notes=(("host", "here"),))
THERE = Environment(facts=(("cpus", "8"), ("python", "cpython3.12"), ("system", "Linux")))


def span(path, total_ns, start_ns=0, **more):
    times = dict.fromkeys(("total_ns", "min_ns", "max_ns", "own_ns"), total_ns)
    return Span(path=path, count=1, start_ns=start_ns, end_ns=start_ns + total_ns, **(times | more))


def profile(workflow="tests/test_shop.py::test_checkout", rounds=4, environment=HERE, base_ns=1_000_000):
    return Profile(
        workflow=workflow,
        environment=environment,
        launches=(
            Launch(
                rounds=tuple(
                    Round(
                        total_ns=3 * base_ns + n,
                        spans=(span("parse", base_ns), span("render", 2 * base_ns + n, base_ns, after=("parse",))),
                        checks=(Check(name="valid page", passed=n != 2, detail="blank" if n == 2 else ""),),
                        metrics=(Metric(name="tokens", value=17.5 + n, unit="tokens"),),
                        caches=(Cache(name="templates", hits=n, misses=1),),
                    )
                    for n in range(rounds)
                ),
                recorder_ns=400,
            ),
        ),
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
names = st.sampled_from(["a", "b", "a/b", "ü", "\x1b[0m"]) | texts
naturals = st.integers(0, 2**63 - 1)
integers = st.integers(-(2**31), 2**63 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**63 - 1)
maybe = st.none() | naturals
pairs = st.dictionaries(texts, texts, max_size=3).map(lambda data: tuple(sorted(data.items())))


def tuples(strategy, most):
    return st.lists(strategy, max_size=most).map(tuple)


spans = st.one_of(
    st.builds(span, names, naturals, integers, after=tuples(names, 2), group=st.none() | texts),
    st.builds(
        Span,
        path=names,
        count=naturals,
        total_ns=naturals,
        min_ns=naturals,
        max_ns=naturals,
        own_ns=integers,
        start_ns=integers,
        end_ns=integers,
        status=st.sampled_from(["ok", "error", "open"]),
        error=texts,
        after=tuples(names, 2),
        group=st.none() | texts,
        cpu_ns=maybe,
        memory_bytes=maybe,
    ),
)
checks = st.builds(
    Check, name=names, passed=st.booleans(), detail=texts, value=st.none() | numbers, minimum=st.none() | numbers
)
metrics = st.builds(Metric, name=names, value=numbers, unit=texts, better=st.sampled_from(["lower", "higher"]))
caches = st.builds(Cache, name=names, hits=naturals, misses=naturals, timed=st.booleans())
loads = st.builds(
    Load,
    concurrency=naturals,
    mode=texts,
    wall_ns=naturals,
    calls=naturals,
    failures=naturals,
    latency_ns=tuples(naturals, 3),
    service_ns=tuples(naturals, 3),
    at_once_ns=naturals,
    alone_ns=maybe,
    rate=st.none() | st.floats(1e-3, 1e9),
    examples=tuples(texts, 2),
    steps=tuples(st.builds(LoadStep, path=names, at_once_ns=naturals, alone_ns=maybe), 2),
)
rounds_ = st.builds(
    Round,
    total_ns=naturals,
    status=st.sampled_from(["passed", "failed", ""]),
    spans=tuples(spans, 4),
    checks=tuples(checks, 3),
    metrics=tuples(metrics, 3),
    caches=tuples(caches, 2),
    loads=tuples(loads, 2),
    cpu_ns=maybe,
    memory_bytes=maybe,
    folded=st.just(0) | naturals,
    notes=tuples(texts, 2),
)
launches = st.builds(Launch, rounds=tuples(rounds_, 4), warmup=tuples(rounds_, 1), recorder_ns=naturals)
environments = st.builds(Environment, facts=pairs, notes=pairs)
profiles = st.builds(Profile, workflow=texts, environment=environments, launches=tuples(launches, 2), variant=texts)
