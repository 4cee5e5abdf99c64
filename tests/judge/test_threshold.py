import dataclasses
import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.errors import ConfigError
from pytest_wfperf.judge.threshold import parse

SOURCE = "marker of tests/t.py::test_checkout"
STATISTICS = "min, median, mean, p50 … p99.9, max, total"
OF_A_WORKFLOW = f"{STATISTICS}, memory, cpu, regression, speedup, reduction, pass_rate"
OF_A_STEP = f"{STATISTICS}, share, memory, cpu, regression, speedup, reduction"


def read(text):
    """What a text says, without where it was said."""
    threshold = parse(text, SOURCE)
    return threshold.subject, threshold.name, threshold.quantity, threshold.op, threshold.value, threshold.unit


def error(text):
    """What an error says below the source's line."""
    with pytest.raises(ConfigError) as caught:
        parse(text, SOURCE)
    first, _, rest = str(caught.value).partition("\n")
    assert first == f"{SOURCE}: bad threshold"
    return rest


class TestWhatIsRead:
    def test_all_of_one(self):
        threshold = parse("step:render   p95<200 ms", SOURCE)
        assert dataclasses.asdict(threshold) == {
            "text": "step:render p95 < 200ms",
            "subject": "step",
            "name": "render",
            "quantity": "p95",
            "percentile": 95.0,
            "op": "<",
            "value": 200e6,
            "unit": "time",
            "source": SOURCE,
        }

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("p95 < 200ms", ("workflow", "", "p95", "<", 200e6, "time")),
            ("step:render regression < 10%", ("step", "render", "regression", "<", 0.1, "fraction")),
            ("pass_rate >= 95%", ("workflow", "", "pass_rate", ">=", 0.95, "fraction")),
            ("pass_rate == 100%", ("workflow", "", "pass_rate", "==", 1.0, "fraction")),
            ("speedup >= 1.33", ("workflow", "", "speedup", ">=", 1.33, "factor")),
            ("speedup > 2x", ("workflow", "", "speedup", ">", 2.0, "factor")),
            ("reduction >= 20%", ("workflow", "", "reduction", ">=", 0.2, "fraction")),
            ("memory < 64MiB", ("workflow", "", "memory", "<", 64 * 2**20, "bytes")),
            ("cpu < 20ms", ("workflow", "", "cpu", "<", 20e6, "time")),
            ("cpu <= 180%", ("workflow", "", "cpu", "<=", 1.8, "fraction")),
            ("step:load share < 30%", ("step", "load", "share", "<", 0.3, "fraction")),
            ("step:load/parse max <= 1.5e-3s", ("step", "load/parse", "max", "<=", 1.5e6, "time")),
            ("metric:tokens value == 1200", ("metric", "tokens", "value", "==", 1200.0, "plain")),
            ("metric:drift min > -2", ("metric", "drift", "min", ">", -2.0, "plain")),
            ("metric:latency p99 < 5us", ("metric", "latency", "p99", "<", 5000.0, "time")),
            ("metric:ratio mean < 3x", ("metric", "ratio", "mean", "<", 3.0, "factor")),
            ("metric:tokens per_pass < 4000", ("metric", "tokens", "per_pass", "<", 4000.0, "plain")),
            ("metric:overhead share < 5%", ("metric", "overhead", "share", "<", 0.05, "fraction")),
            ("metric:tokens regression <= 2%", ("metric", "tokens", "regression", "<=", 0.02, "fraction")),
            ("gate:valid pass_rate >= 99%", ("gate", "valid", "pass_rate", ">=", 0.99, "fraction")),
            ("cache:pages hit_rate > 80%", ("cache", "pages", "hit_rate", ">", 0.8, "fraction")),
            ("\tp50\n<\n.5 s ", ("workflow", "", "p50", "<", 5e8, "time")),
        ],
    )
    def test_every_sort(self, text, expected):
        assert read(text) == expected

    @pytest.mark.parametrize(
        ("unit", "dimension", "size"),
        [
            ("ns", "time", 1),
            ("us", "time", 1e3),
            ("\u00b5s", "time", 1e3),
            ("\u03bcs", "time", 1e3),
            ("ms", "time", 1e6),
            ("s", "time", 1e9),
            ("min", "time", 60e9),
            ("B", "bytes", 1),
            ("KB", "bytes", 1000),
            ("KiB", "bytes", 1024),
            ("MB", "bytes", 1000**2),
            ("MiB", "bytes", 1024**2),
            ("GB", "bytes", 1000**3),
            ("GiB", "bytes", 1024**3),
            ("%", "fraction", 0.01),
            ("x", "factor", 1),
            ("", "plain", 1),
        ],
    )
    def test_every_unit(self, unit, dimension, size):
        for text in (f"metric:m value < 2{unit}", f"metric:m value < 2 {unit}"):
            assert read(text)[4:] == (2 * size, dimension)

    @pytest.mark.parametrize("percent", range(101))
    def test_a_percentage_is_the_nearest_float(self, percent):
        assert parse(f"pass_rate >= {percent}%", SOURCE).value == percent / 100

    @pytest.mark.parametrize(
        ("text", "quantity", "percentile"),
        [
            ("p50 < 1s", "p50", 50.0),
            ("p99 < 1s", "p99", 99.0),
            ("p99.9 < 1s", "p99.9", 99.9),
            ("p95.0 < 1s", "p95", 95.0),
            ("median < 1s", "median", None),
        ],
    )
    def test_percentiles(self, text, quantity, percentile):
        threshold = parse(text, SOURCE)
        assert (threshold.quantity, threshold.percentile) == (quantity, percentile)

    @pytest.mark.parametrize(
        ("written", "name", "normal"),
        [
            ("render", "render", "render"),
            ("a/b/c", "a/b/c", "a/b/c"),
            ('"render page"', "render page", '"render page"'),
            ("'render page'", "render page", '"render page"'),
            ('"render"', "render", "render"),
            ('"a b"/"c d"', "a b/c d", '"a b/c d"'),
            ("a/'c d'", "a/c d", '"a/c d"'),
            ('"a b/c d"', "a b/c d", '"a b/c d"'),
            (r'"say \"hi\" \\ "', 'say "hi" \\ ', r'"say \"hi\" \\ "'),
            (r"'it\'s'", "it's", '"it\'s"'),
            ("größe-2.b:c#1", "größe-2.b:c#1", "größe-2.b:c#1"),
            ('"a<b"', "a<b", '"a<b"'),
            ('"/"', "/", '"/"'),
            ("日本", "日本", "日本"),
        ],
    )
    def test_names(self, written, name, normal):
        threshold = parse(f"step:{written} p95 < 1ms", SOURCE)
        assert threshold.name == name
        assert threshold.text == f"step:{normal} p95 < 1ms"

    def test_the_number_stays_as_written(self):
        assert parse("p95<+2.50e2 \u03bcs", SOURCE).text == "p95 < +2.50e2\u00b5s"


class TestUse:
    @pytest.mark.parametrize(
        ("text", "below", "at", "above"),
        [
            ("metric:m value < 2", True, False, False),
            ("metric:m value <= 2", True, True, False),
            ("metric:m value > 2", False, False, True),
            ("metric:m value >= 2", False, True, True),
            ("metric:m value == 2", False, True, False),
        ],
    )
    def test_holds(self, text, below, at, above):
        threshold = parse(text, SOURCE)
        assert [threshold.holds(actual) for actual in (1.9, 2.0, 2.1, math.nan)] == [below, at, above, False]

    def test_holds_in_base_units(self):
        assert parse("p95 < 200ms", SOURCE).holds(199_999_999)
        assert not parse("p95 < 200ms", SOURCE).holds(200_000_000)
        assert parse("pass_rate >= 95%", SOURCE).holds(19 / 20)

    def test_what_needs_a_baseline(self):
        relative = ("regression < 5%", "speedup >= 2", "reduction > 5%", "metric:m regression < 1%")
        absolute = ("p95 < 1s", "pass_rate >= 5%", "cache:c hit_rate > 5%", "memory < 1MB", "metric:m value < 1")
        assert all(parse(text, SOURCE).relative for text in relative)
        assert not any(parse(text, SOURCE).relative for text in absolute)


GOLDEN = [
    # nothing, or the wrong thing first
    ("", f"  \n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}"),
    ("95% < p95", f"  95% < p95\n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}"),
    (
        "regresion < 5%",
        f"  regresion < 5%\n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}; did you mean 'regression'?",
    ),
    ("P95 < 5ms", f"  P95 < 5ms\n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}; did you mean 'p95'?"),
    ("p99_9 < 5ms", f"  p99_9 < 5ms\n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}; did you mean 'p99.9'?"),
    (
        "pass-rate >= 5%",
        f"  pass-rate >= 5%\n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}; did you mean 'pass_rate'?",
    ),
    (
        "step render p95 < 2ms",
        f"  step render p95 < 2ms\n  ^\nexpected a quantity of a workflow: {OF_A_WORKFLOW}; did you mean 'step:'?",
    ),
    ("p45 < 2ms", "  p45 < 2ms\n  ^\nexpected a percentile from p50 to p99.9, with at most one decimal"),
    ("p100 < 2ms", "  p100 < 2ms\n  ^\nexpected a percentile from p50 to p99.9, with at most one decimal"),
    ("p99.95 < 2ms", "  p99.95 < 2ms\n  ^\nexpected a percentile from p50 to p99.9, with at most one decimal"),
    # subjects and names
    (
        "stp:a p95 < 1ms",
        "  stp:a p95 < 1ms\n  ^\nexpected step:, metric:, gate:, cache: or load:; did you mean 'step:'?",
    ),
    ("job:a p95 < 1ms", "  job:a p95 < 1ms\n  ^\nexpected step:, metric:, gate:, cache: or load:"),
    (
        "step: a p95 < 1ms",
        "  step: a p95 < 1ms\n       ^\nexpected the name of a step, in quotes if it has spaces",
    ),
    (
        "gate:a//b pass_rate > 5%",
        "  gate:a//b pass_rate > 5%\n         ^\nexpected the name of a gate, in quotes if it has spaces",
    ),
    ("step:a/ p95 < 1ms", "  step:a/ p95 < 1ms\n         ^\nexpected the name of a step, in quotes if it has spaces"),
    ("step:'a p95", "  step:'a p95\n       ^\nexpected a closing ' for this one"),
    ("step:'a\\", "  step:'a\\\n         ^\nexpected \\\\, \\\" or \\' : a backslash in quotes is written twice"),
    (
        'step:"C:\\temp" p95 < 1s',
        """  step:"C:\\temp" p95 < 1s\n          ^\nexpected \\\\, \\" or \\' : a backslash in quotes is written twice""",
    ),
    ('step:"" p95 < 1s', '  step:"" p95 < 1s\n       ^\nexpected a name between the quotes'),
    (
        'step:"a\tb" p95 < 1s',
        "  step:\"a b\" p95 < 1s\n         ^\nexpected a printable name, not the character '\\t'",
    ),
    ("step:a\0b p95 < 1s", "  step:a\ufffdb p95 < 1s\n        ^\nexpected a printable name, not the character '\\x00'"),
    ("step:render < 5ms", f"  step:render < 5ms\n              ^\nexpected a quantity of a step: {OF_A_STEP}"),
    # subject and quantity
    ("share < 5%", f"  share < 5%\n  ^\nshare belongs to a step or a metric; a workflow has {OF_A_WORKFLOW}"),
    (
        "step:a pass_rate > 5%",
        f"  step:a pass_rate > 5%\n         ^\npass_rate belongs to a workflow or a gate; a step has {OF_A_STEP}",
    ),
    (
        "cache:a p95 > 5%",
        "  cache:a p95 > 5%\n          ^\np95 belongs to a workflow, a step, a metric or a load; a cache has hit_rate",
    ),
    (
        "cache:a hitrate > 5%",
        "  cache:a hitrate > 5%\n          ^\nexpected a quantity of a cache: hit_rate; did you mean 'hit_rate'?",
    ),
    # operators
    ("p95", "  p95\n     ^\nexpected <, <=, > or >="),
    ("p95 200ms", "  p95 200ms\n      ^\nexpected <, <=, > or >="),
    ("p95 =< 2ms", "  p95 =< 2ms\n      ^\nexpected <, <=, > or >=; did you mean '<='?"),
    ("p95 ≤ 2ms", "  p95 ≤ 2ms\n      ^\nexpected <, <=, > or >=; did you mean '<='?"),
    ("metric:a value = 2", "  metric:a value = 2\n                 ^\nexpected <, <=, >, >= or ==; did you mean '=='?"),
    ("p95 == 2ms", "  p95 == 2ms\n      ^\np95 is compared with <, <=, > or >=, not with =="),
    ("regression > 5%", "  regression > 5%\n             ^\nregression is compared with < or <=, not with >"),
    ("speedup < 2x", "  speedup < 2x\n          ^\nspeedup is compared with > or >=, not with <"),
    ("pass_rate < 5%", "  pass_rate < 5%\n            ^\npass_rate is compared with >, >= or ==, not with <"),
    (
        "step:a share == 5%",
        "  step:a share == 5%\n               ^\nshare is compared with <, <=, > or >=, not with ==",
    ),
    # values
    ("p95 <", "  p95 <\n       ^\nexpected a time, such as 200ms"),
    ("p95 < nan", "  p95 < nan\n        ^\nexpected a time, such as 200ms"),
    ("metric:a value < inf", "  metric:a value < inf\n                   ^\nexpected a number"),
    ("p95 < -5ms", "  p95 < -5ms\n        ^\np95 has to be 0 or more"),
    ("p95 < 1e400s", "  p95 < 1e400s\n        ^\nexpected a smaller number: this one cannot be held"),
    ("p95 < 1e300min", "  p95 < 1e300min\n        ^\nexpected a smaller number: this one cannot be held"),
    ("regression < 0%", "  regression < 0%\n               ^\nregression has to be above 0%"),
    ("speedup >= 0", "  speedup >= 0\n             ^\nspeedup has to be above 0"),
    ("pass_rate >= 195%", "  pass_rate >= 195%\n               ^\npass_rate has to be between 0% and 100%"),
    (
        "cache:c hit_rate > -1%",
        "  cache:c hit_rate > -1%\n                     ^\nhit_rate has to be between 0% and 100%",
    ),
    ("step:a share < 101%", "  step:a share < 101%\n                 ^\nshare has to be between 0% and 100%"),
    # units
    ("p95 < 200", "  p95 < 200\n           ^\np95 needs a unit: write 200ms"),
    ("cpu < 5", "  cpu < 5\n         ^\ncpu needs a unit: write 5ms or 5%"),
    ("memory < 5", "  memory < 5\n            ^\nmemory needs a unit: write 5MiB"),
    ("pass_rate >= 0.95", "  pass_rate >= 0.95\n                   ^\npass_rate needs a unit: write 0.95%"),
    ("memory < 5 ms", "  memory < 5 ms\n             ^\nmemory needs a size, such as 64MiB"),
    ("p95 < 5%", "  p95 < 5%\n         ^\np95 needs a time, such as 200ms"),
    ("regression < 5x", "  regression < 5x\n                ^\nregression needs a percentage, such as 5%"),
    ("speedup >= 33%", "  speedup >= 33%\n               ^\nspeedup needs a factor, such as 1.33"),
    ("p95 < 2sec", "  p95 < 2sec\n         ^\nexpected ns, us, µs, ms, s or min; did you mean 's'?"),
    ("p95 < 2Ms", "  p95 < 2Ms\n         ^\nexpected ns, us, µs, ms, s or min; did you mean 'ms'?"),
    ("memory < 3 kB", "  memory < 3 kB\n             ^\nexpected B, KB, KiB, MB, MiB, GB or GiB; did you mean 'KB'?"),
    ("regression < 5 percent", "  regression < 5 percent\n                 ^\nexpected %; did you mean '%'?"),
    # what follows
    (
        "p95 < 3ms, mean < 2ms",
        "  p95 < 3ms, mean < 2ms\n           ^\nexpected the end: one string holds one threshold",
    ),
    (
        "p95 < 3ms and mean < 2ms",
        "  p95 < 3ms and mean < 2ms\n            ^\nexpected the end: one string holds one threshold",
    ),
    ("speedup > 1,5", "  speedup > 1,5\n             ^\nexpected the end: one string holds one threshold"),
    # the caret keeps its column
    ("step:日本語 p95 < 5", "  step:日本語 p95 < 5\n                     ^\np95 needs a unit: write 5ms"),
    (
        "step:e\u0301te\u0301 p95 < 5",
        "  step:e\u0301te\u0301 p95 < 5\n                  ^\np95 needs a unit: write 5ms",
    ),
    ("p95\n<\t200", "  p95 < 200\n           ^\np95 needs a unit: write 200ms"),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_an_error_shows_the_text_points_at_the_place_and_says_what_was_expected(text, expected):
    assert error(text) == expected


def test_an_error_names_its_source():
    with pytest.raises(ConfigError) as caught:
        parse("p95 < 200", "--wfperf-threshold")
    assert str(caught.value) == (
        "--wfperf-threshold: bad threshold\n  p95 < 200\n           ^\np95 needs a unit: write 200ms"
    )


# --- properties -----------------------------------------------------------------------

printable = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
names = st.text(printable, min_size=1, max_size=12)
spaces = st.sampled_from(["", " ", "  ", "\t"])
percentages = st.floats(0, 100).map(lambda p: f"{p:.6g}%")
above_zero = st.floats(1e-6, 1e6).map(repr)
times = st.builds("{}{}{}".format, above_zero, spaces, st.sampled_from(["ns", "us", "µs", "ms", "s", "min"]))
sizes = st.builds("{}{}{}".format, above_zero, spaces, st.sampled_from(["B", "KB", "KiB", "MB", "MiB", "GB", "GiB"]))
numbers = st.one_of(times, sizes, percentages, st.floats(-1e6, 1e6).map(repr), above_zero.map("{}x".format))
percentiles = st.integers(500, 999).map(lambda tenths: f"p{tenths / 10:g}")
statistics = st.one_of(st.sampled_from(["min", "median", "mean", "max", "total"]), percentiles)
order, less, more = st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["<", "<="]), st.sampled_from([">", ">="])
rate_ops = st.sampled_from([">", ">=", "=="])


def bodies(quantities, ops, values):
    return st.builds(lambda q, o, v, a, b: f"{q}{a}{o}{b}{v}", quantities, ops, values, spaces, spaces)


regression = bodies(st.just("regression"), less, above_zero.map("{}%".format))
reduction = bodies(st.just("reduction"), more, percentages)
costs = st.one_of(
    bodies(statistics, order, times),
    bodies(st.just("memory"), order, sizes),
    bodies(st.just("cpu"), order, st.one_of(times, percentages)),
    bodies(st.just("speedup"), more, st.one_of(above_zero, above_zero.map("{} x".format))),
    regression,
    reduction,
)
pass_rate = bodies(st.just("pass_rate"), rate_ops, percentages)


def quoted(name, quote):
    return quote + name.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def about(subject, body):
    named = st.tuples(names, st.sampled_from("\"'"))
    return st.builds(
        lambda parts, body: (
            f"{subject}:{'/'.join(quoted(*part) for part in parts)} {body}",
            subject,
            "/".join(name for name, _ in parts),
        ),
        st.lists(named, min_size=1, max_size=3),
        body,
    )


inflation = bodies(st.just("inflation"), less, st.one_of(above_zero, above_zero.map("{}x".format)))
of_loads = st.one_of(
    st.builds(
        lambda replicas, body: (f"load:{replicas} {body}", "load", str(replicas)),
        st.integers(1, 10_000),
        st.one_of(
            inflation,
            bodies(st.one_of(st.sampled_from(["min", "median", "max"]), percentiles), order, times),
            bodies(st.just("failures"), st.sampled_from(["<", "<=", "=="]), st.one_of(above_zero, percentages)),
            bodies(st.just("throughput"), more, above_zero),
        ),
    ),
    st.builds(
        lambda replicas, step, body: (f"load:{replicas}/{quoted(step, chr(34))} {body}", "load", f"{replicas}/{step}"),
        st.integers(1, 10_000),
        names,
        inflation,
    ),
)

valid = st.one_of(
    st.one_of(costs, pass_rate).map(lambda body: (body, "workflow", "")),
    about("step", st.one_of(costs, bodies(st.just("share"), order, percentages))),
    about(
        "metric",
        st.one_of(
            bodies(
                st.one_of(statistics, st.just("value"), st.just("per_pass")),
                st.sampled_from(["<", "<=", ">", ">=", "=="]),
                numbers,
            ),
            bodies(st.just("share"), order, percentages),
            regression,
            reduction,
        ),
    ),
    about("gate", pass_rate),
    about("cache", bodies(st.just("hit_rate"), rate_ops, percentages)),
    of_loads,
)


@given(valid)
def test_every_valid_threshold_is_read_and_read_again_from_its_normal_form(generated):
    text, subject, name = generated
    threshold = parse(text, SOURCE)
    assert (threshold.subject, threshold.name) == (subject, name)
    assert parse(threshold.text, SOURCE) == threshold
    assert threshold.source == SOURCE
    assert math.isfinite(threshold.value)


def columns(line):
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in line
    )


subjects = ["step:", "metric:", "gate:", "cache:", "load:3", "load:", "job:", "a/b", '"', "'", "\\", "/"]
quantities = ["p95", "p99.9", "p0", "median", "share", "regression", "pass_rate", "hit_rate", "value", "lap"]
ends = ["<", "<=", "=>", "==", "5", "5ms", "1e9", "1e999", "-3", "%", "x", ",", "sec"]
words = st.sampled_from([*subjects, *quantities, *ends])
garbled = st.lists(st.one_of(words, spaces, st.text(max_size=3)), max_size=8).map("".join)


def parses_or_points_into_the_text(text):
    try:
        threshold = parse(text, SOURCE)
    except ConfigError as caught:
        first, shown, caret, *rest = str(caught).split("\n")
        assert first == f"{SOURCE}: bad threshold"
        assert caret.strip(" ") == "^"
        assert 2 <= caret.index("^") <= columns(shown)
        assert columns(shown) <= 2 + 2 * len(text)
        assert len(rest) == 1
        str(caught).encode()
    else:
        assert parse(threshold.text, SOURCE) == threshold


@given(st.text())
def test_any_text_parses_or_points_into_itself(text):
    parses_or_points_into_the_text(text)


@given(garbled)
def test_nearly_valid_text_parses_or_points_into_itself(text):
    parses_or_points_into_the_text(text)


@given(valid, st.data())
def test_a_valid_text_with_one_character_changed_parses_or_points_into_itself(generated, data):
    text = generated[0]
    at = data.draw(st.integers(0, len(text) - 1))
    parses_or_points_into_the_text(text[:at] + data.draw(st.text(max_size=1)) + text[at + 1 :])
