"""``wfperf show --history`` on stores made by the store itself."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pytest_wfperf.analyse.history import Taken
from pytest_wfperf.cli import main
from pytest_wfperf.model import Environment, Launch, Profile, Round
from pytest_wfperf.recalling import recalled
from pytest_wfperf.store.directory import Store

HERE = Environment(facts=(("cpus", "2"), ("python", "cpython3.12"), ("system", "Linux")))
PAY, SEND = "tests/test_shop.py::test_pay", "tests/test_shop.py::test_send"
START = datetime(2026, 1, 3, 9, 30, tzinfo=UTC)


def profile(workflow, ms, launches=6):
    return Profile(
        workflow=workflow,
        environment=HERE,
        launches=tuple(
            Launch(
                rounds=(Round(total_ns=round(ms * 1_000_000) + n * 1000),),
                conditions=(("addresses", "fixed"),),
            )
            for n in range(launches)
        ),
    )


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Six versions of a workflow that loses 5 % each time, of two sessions each; the other stays as it was."""
    monkeypatch.setenv("WFPERF_STORE", str(tmp_path / "store"))
    store = Store(tmp_path / "store")
    for n in range(6):
        when = START + timedelta(days=7 * n)
        profiles = [profile(PAY, 10 * 1.05**n), *([profile(SEND, 30)] if n == 0 else [])]
        store.save(
            "main", profiles, environment=HERE, reason=f"step {n}", commit=f"{n}abcdef0123456", carry={SEND}, when=when
        )
        again = [profile(PAY, 10.1 * 1.05**n)]
        store.extend("main", again, environment=HERE, commit=f"{n}abcdef0123456", when=when + timedelta(days=1))
    return store


def wfperf(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_one_workflow_in_full(store, capsys):
    code, out, err = wfperf(capsys, "show", "--history", "--workflow", PAY)
    assert (code, err) == (0, "")
    versions = [baseline.version for baseline in store.history("main", HERE)][::-1]
    lines = out.splitlines()
    assert lines[0].startswith(f"baseline main, version {versions[-1]}, linux-cpython3.12-2cpu-")
    assert lines[2] == f"{PAY}: 12 sessions of baseline main ▁▁▂▃▄▄▅▅▆▇██"
    rows = lines[6:18]
    assert rows[0].split() == [
        "2026-01-03", "09:30", versions[0], "0abcdef012", "10", "ms", "10", "ms", "to", "10.01", "ms", "accepted:", "step", "0",
    ]  # fmt: skip
    assert rows[1].split()[-2:] == ["+1", "%"]
    assert rows[11].startswith(f"2026-02-08 09:30  {versions[5]}")
    assert [row.endswith(f"step {i // 2}") for i, row in enumerate(rows)] == [True, False] * 6
    assert lines[19].startswith("changed from 2026-01-24 09:30 on: 10.5")
    (drift,) = [line for line in lines if line.startswith("since ")]
    assert drift.startswith(f"since main {versions[0]} (2026-01-03, 5 versions ago): +28 % (+2")


def test_without_a_workflow_one_line_each(store, capsys):
    code, out, _ = wfperf(capsys, "show", "main", "--history")
    assert code == 0
    _, _, heading, _, pay, send = out.rstrip().splitlines()
    assert heading.split() == ["workflow", "sessions", "oldest", "newest", "drift", "changes"]
    assert pay.split()[:8] == [PAY, "12", "10", "ms", "12.89", "ms", "+28", "%"]
    assert pay.endswith("▁▁▂▃▄▄▅▅▆▇██")
    assert send.split() == [SEND, "1", "30", "ms", "30", "ms", "▁"]


def test_a_limit_keeps_the_oldest(store, capsys):
    out = wfperf(capsys, "show", "--history", "--workflow", PAY, "--limit", 3)[1]
    assert "9 sessions" not in out
    assert "8 sessions between the first and the second not shown (--limit)" in out
    assert f"{PAY}: 4 sessions" in out
    assert "5 versions ago): +29 %" in out


def test_as_json(store, capsys):
    code, out, _ = wfperf(capsys, "show", "--history", "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert (entry["name"], entry["version"]) == ("main", store.open("main", HERE).version)
    pay, send = entry["workflows"]
    assert (pay["workflow"], send["workflow"]) == (PAY, SEND)
    assert len(pay["points"]) == 12
    assert pay["points"][2]["reason"] == "step 1"
    assert pay["drift"]["versions"] == 5
    assert (len(send["points"]), send["drift"]) == (1, None)
    only = json.loads(wfperf(capsys, "show", "--history", "--json", "--workflow", PAY)[1])
    assert [workflow["workflow"] for workflow in only[0]["workflows"]] == [PAY]


def test_an_unknown_workflow_is_the_usual_error(store, capsys):
    asked = ("--workflow", "tests/test_shop.py::test_paid")
    code, out, err = wfperf(capsys, "show", "--history", *asked)
    assert (code, out) == (2, "")
    assert err == wfperf(capsys, "show", *asked)[2]
    assert "it has tests/test_shop.py::test_pay" in err


def test_a_damaged_old_version_is_told(store, capsys):
    damaged = store.history("main", HERE)[-2].version
    (directory,) = (store.root / "baselines" / "main").iterdir()
    (directory / damaged / "manifest.json").write_text("{}")
    code, out, _ = wfperf(capsys, "show", "--history", "--workflow", PAY)
    assert code == 0
    assert f"{PAY}: 10 sessions" in out
    assert f"note: version {damaged} is left out: " in out
    assert f"note: version {damaged} is left out: " in wfperf(capsys, "show", "--history")[1]


def test_a_run_that_is_stored_is_no_second_point(store):
    past = store.past("main", HERE)
    now = Taken(profile=profile(PAY, 10.1 * 1.05**5), created=START + timedelta(days=99))
    new = Taken(profile=profile(PAY, 14), created=START + timedelta(days=99), commit="def")
    assert len(recalled(past, PAY, now=now).points) == 12
    found = recalled(past, PAY, now=new)
    assert len(found.points) == 13
    assert (found.points[-1].version, found.points[-1].commit, found.points[-1].accepted) == ("", "def", False)
    assert found.drift.versions == 5
    assert recalled(past, "tests/test_shop.py::test_new", now=new) is None
