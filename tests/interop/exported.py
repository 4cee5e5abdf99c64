"""A results file with fixed numbers, for what is exported of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pytest_wfperf.interop.figures import of_results
from pytest_wfperf.judge.verdict import summary
from pytest_wfperf.judged import Comparison, Effect, Judgement, PassRate, RunResult, Verdict
from pytest_wfperf.loads import Load
from pytest_wfperf.model import Check, Environment, Launch, Metric, Profile, Round, Span
from pytest_wfperf.report import results
from pytest_wfperf.report.exhibit import Exhibit, Occasion
from pytest_wfperf.store.schema import decode_profile, encode_profile, read_document

GOLDEN = Path(__file__).parents[1] / "golden"
HERE = Environment(facts=(("cpus", "2"), ("python", "cpython3.12")))
PAY = "tests/shop/test_pay.py::TestPay::test_pay[eur/2-a::b]"
CHEAP = "tests/test_cheap.py::test_cheap"
GONE = "tests/test_gone.py::test_gone"


def span(path, start_ns, total_ns):
    return Span(
        path=path, count=1, total_ns=total_ns, min_ns=total_ns, max_ns=total_ns, own_ns=total_ns,
        start_ns=start_ns, end_ns=start_ns + total_ns,
    )  # fmt: skip


def pay_round(late_ns, *, valid=True):
    return Round(
        total_ns=12_000_000 + late_ns,
        spans=(span("parse", 0, 4_000_000), span("render", 4_000_000, 7_000_000 + late_ns)),
        checks=(Check(name="valid page", passed=valid),),
        metrics=(Metric(name="tokens", value=1250.0, unit="tokens"), Metric(name="hits", value=0.75, better="higher")),
        cpu_ns=11_000_000,
        memory_bytes=3_145_728,
        loads=(
            Load(
                concurrency=3, mode="threads", wall_ns=2_000_000_000, calls=50, failures=0,
                latency_ns=(40_000_000, 50_000_000, 90_000_000), service_ns=(40_000_000, 50_000_000, 90_000_000),
                at_once_ns=50_000_000,
            ),
        ),
    )  # fmt: skip


def pay():
    launches = [
        Launch(
            rounds=(pay_round(100_000 * n, valid=n != 3), pay_round(100_000 * n + 50_000)),
            conditions=(("gc", "on"),),
        )
        for n in range(6)
    ]
    return Profile(workflow=PAY, environment=HERE, launches=tuple(launches))


def cheap():
    return Profile(
        workflow=CHEAP,
        environment=HERE,
        launches=(Launch(rounds=(Round(total_ns=800), Round(total_ns=900), Round(total_ns=1500))),),
    )


def effect(path, change, verdict, low=-0.01, high=0.3):
    return Effect(
        path=path, baseline_ns=10e6, current_ns=12e6, log_ratio=change, low=low, high=high, could_have_caught=0.06,
        limit=0.05, automatic=False, verdict=verdict,
    )  # fmt: skip


def judgements():
    comparison = Comparison(
        baseline="main 0001-abcdef",
        sessions=2,
        total=effect("", 0.1823215567939546, Verdict.REGRESSED, low=0.09531017980432493, high=0.26236426446749106),
        steps=(effect("parse", 0.0, Verdict.PASS, low=float("-inf"), high=float("inf")),),
    )
    rates = (
        PassRate(name="", passed=11, total=12, minimum=0.95, bound=0.66, rounds_to_prove=93),
        PassRate(name="valid page", passed=11, total=12, minimum=0.95, bound=0.66, rounds_to_prove=93),
    )
    return (
        Judgement(
            workflow=PAY, verdict=Verdict.REGRESSED, baseline="main 0001-abcdef", summary=summary(pay()),
            comparison=comparison, pass_rates=rates,
        ),
        Judgement(workflow=CHEAP, verdict=Verdict.NEW, baseline="main 0001-abcdef", summary=summary(cheap())),
        Judgement(workflow=GONE, verdict=Verdict.MISSING, failure="it is in the baseline and did not run"),
    )  # fmt: skip


def document(*, strict=False, failures=("every check passed in 0 of 1 workflows, asked for 95 %",), rename=None):
    """The bytes of a results file; ``rename`` gives the first workflow and its parts other names."""
    profiles = {PAY: pay(), CHEAP: cheap()}
    parts = []
    for one in judgements():
        judgement, profile = one, profiles.get(one.workflow)
        if rename and profile is not None and one.workflow == PAY:
            profile = renamed(profile, rename)
            rates = tuple(replace(rate, name=rename if rate.name else "") for rate in one.pass_rates)
            judgement = replace(one, workflow=rename, summary=summary(profile), comparison=None, pass_rates=rates)
        encoded = None if profile is None else encode_profile(profile)
        parts.append(results.part(Exhibit(judgement=judgement, profile=profile, encoded=encoded)))
    run = RunResult(judgements=judgements(), baseline="main", strict=strict, failures=tuple(failures))
    return results.whole(run, Occasion(created=datetime(2026, 3, 1, tzinfo=UTC)), parts)


def renamed(profile, name):
    def of(r):
        return replace(
            r,
            spans=tuple(replace(s, path=f"{s.path} {name}") for s in r.spans),
            checks=tuple(replace(c, name=name) for c in r.checks),
            metrics=tuple(replace(m, name=f"{m.name} {name}", unit=name) for m in r.metrics),
        )

    launches = tuple(replace(x, rounds=tuple(map(of, x.rounds))) for x in profile.launches)
    return replace(profile, workflow=name, launches=launches)


def figures(tmp_path, **changes):
    """The figures of that file, read as the command reads it."""
    path = tmp_path / "results.json"
    path.write_bytes(document(**changes))
    data = read_document(path, "results")
    encoded = [entry["profile"] for entry in data["workflows"] if entry["profile"]]
    return of_results(data, {each["workflow"]: decode_profile(each, "here") for each in encoded})


HOSTILE = [
    'quote " and \\ and \\n',
    "two\nlines\rand a return",
    "\x1b[31mred\x00 \ufffe",
    "<b>&amp;]]></b>",
    "\u202ebackwards",
    '{a="b"} 1\n# EOF',
    "ünï/code::€[ä",
    "x" * 2000,
]
