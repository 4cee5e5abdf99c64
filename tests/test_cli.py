import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_wfperf.cli import main
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span
from pytest_wfperf.report.text import duration
from pytest_wfperf.store.directory import Store

HERE = Environment(facts=(("cpus", "2"), ("python", "cpython3.12"), ("system", "Linux")))
SHOP = "tests/test_shop.py::test_pay[eu]"
EVIL = "tests/test_x.py::test_\x1b[31mred\x1b[0m\u202e\r\n"


def profile(workflow, ms=(10, 20, 30)):
    steps = [("load", 1), ("render", 3), ("render/paint", 2)]
    return Profile(
        workflow=workflow,
        environment=HERE,
        launches=(
            Launch(
                rounds=tuple(
                    Round(
                        total_ns=n * 1_000_000,
                        spans=tuple(
                            Span(
                                path=p,
                                count=1,
                                total_ns=t,
                                min_ns=t,
                                max_ns=t,
                                own_ns=t // (1 + (p == "render")),
                                start_ns=0,
                                end_ns=t,
                            )
                            for p, k in steps
                            for t in [n * k * 250_000]
                        ),
                    )
                    for n in ms
                )
            ),
        ),
    )


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("WFPERF_STORE", str(tmp_path / "store"))
    store = Store(tmp_path / "store")
    store.save("main", [profile(SHOP)], environment=HERE, reason="first level", commit="abc123")
    store.save("main", [profile(SHOP), profile(EVIL)], environment=HERE, reason="second \x1b[2J level")
    return store


def wfperf(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert not any(ord(c) < 32 and c != "\n" for c in out + err)
    assert "\u202e" not in out + err
    return code, out, err


def test_list(store, capsys):
    code, out, err = wfperf(capsys, "list")
    assert (code, err) == (0, "")
    heading, _, row = out.strip().splitlines()
    assert heading.split() == ["name", "environment", "version", "saved", "sessions", "workflows", "reason"]
    version = store.open("main", HERE).version
    assert row.startswith("main    linux-cpython3.12-2cpu-")
    assert version in row
    assert row.endswith("1            2  second \\x1b[2J level")


def test_list_as_json(store, capsys):
    code, out, _ = wfperf(capsys, "list", "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert entry["reason"] == "second \x1b[2J level"
    assert (entry["name"], entry["sessions"], entry["workflows"]) == ("main", 1, 2)
    assert entry["facts"] == dict(HERE.facts)


def test_an_empty_store_is_not_an_error(tmp_path, capsys):
    code, out, _ = wfperf(capsys, "list", "--store", tmp_path)
    assert (code, out) == (0, f"no baseline in {tmp_path}: create one with `pytest --wfperf-save`\n")
    assert wfperf(capsys, "list", "--json", "--store", tmp_path)[1] == "[]\n"


def test_show(store, capsys):
    code, out, _ = wfperf(capsys, "show")
    assert code == 0
    newest, oldest = store.history("main", HERE)
    lines = out.splitlines()
    assert lines[0].startswith(f"baseline main, version {newest.version}, linux-cpython3.12-2cpu-")
    assert lines[4].startswith(f"{newest.version}  in force  ")
    assert lines[5].startswith(f"{oldest.version}            ")
    assert "abc123" in lines[5]
    row = next(line for line in lines if line.startswith(SHOP))
    assert row.split(None, 8)[1:] == [
        "1",
        "3",
        "20",
        "ms",
        "29",
        "ms",
        "render/paint",
        "10 ms, render 7.5 ms, load 5 ms",
    ]
    assert r"test_\x1b[31mred\x1b[0m\u202e\r\n" in out


def test_show_can_be_limited(store, capsys):
    newest, oldest = store.history("main", HERE)
    out = wfperf(capsys, "show", "main", "--limit", 1)[1]
    assert newest.version in out
    assert oldest.version not in out


def test_show_one_workflow(store, capsys):
    store.extend("main", [profile(SHOP, (40, 50))], environment=HERE, commit="def456")
    code, out, _ = wfperf(capsys, "show", "--workflow", SHOP)
    assert code == 0
    table = [line.split() for line in out.splitlines()]
    assert ["1", "3", "20", "ms", "29", "ms"] in [row[1:] for row in table]
    assert ["def456", "1", "2", "45", "ms", "49.5", "ms"] in [row[1:] for row in table]
    assert ["render/paint", "5", "15", "ms", "24", "ms", "15", "ms"] in table
    assert "test_x" not in out


def test_show_as_json(store, capsys):
    (entry,) = json.loads(wfperf(capsys, "show", "--json")[1])
    assert [version["in_force"] for version in entry["history"]] == [True, False]
    shop = next(workflow for workflow in entry["workflows"] if workflow["workflow"] == SHOP)
    assert (shop["rounds"], shop["median_ns"]) == (3, 20e6)
    (entry,) = json.loads(wfperf(capsys, "show", "--json", "--workflow", EVIL)[1])
    assert entry["workflow"] == EVIL
    assert [step["path"] for step in entry["steps"]] == ["render/paint", "render", "load"]


def test_what_is_not_there_is_named_once_and_costs_exit_code_2(store, capsys):
    code, out, err = wfperf(capsys, "show", "mian")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("wfperf: there is no baseline 'mian'")
    code, out, err = wfperf(capsys, "show", "--workflow", "tests/test_shop.py::test_pay")
    assert (code, out) == (2, "")
    assert f"it has {SHOP}" in err
    code, out, err = wfperf(capsys, "show", "../x")
    assert (code, out) == (2, "")
    assert "cannot name a baseline" in err


def test_verify(store, capsys):
    code, out, err = wfperf(capsys, "verify")
    assert (code, out, err) == (0, f"{store.root}: every file is sound\n", "")
    path = next(store.root.rglob("tests-*.json"))
    path.write_bytes(path.read_bytes()[:-20])
    code, out, err = wfperf(capsys, "verify")
    assert (code, err) == (1, "")
    assert out.startswith(f"{path} cannot be used")
    assert out.endswith(f"{store.root}: 1 problem\n")


def test_verify_needs_a_store(tmp_path, capsys):
    code, out, err = wfperf(capsys, "--store", tmp_path / "none", "verify")
    assert (code, out) == (2, "")
    assert "there is no store" in err


def test_a_damaged_store_costs_exit_code_2(store, capsys):
    (store.root / "store.json").write_text("{")
    for command in ("list", "show"):
        code, out, err = wfperf(capsys, command)
        assert (code, out) == (2, "")
        assert "store.json cannot be used" in err


def test_the_store_may_be_named_before_or_after_the_command(store, tmp_path, capsys):
    assert wfperf(capsys, "--store", tmp_path, "list")[1].startswith("no baseline")
    assert wfperf(capsys, "list", "--store", tmp_path)[1].startswith("no baseline")
    assert wfperf(capsys, "list")[1].startswith("name")


@pytest.mark.parametrize("arguments", [[], ["juggle"], ["show", "--limit", "x"], ["list", "extra"]])
def test_misuse_costs_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: wfperf" in capsys.readouterr().err


def run(*arguments, **more):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])} | more.pop("env", {})
    return subprocess.run([sys.executable, *arguments], capture_output=True, env=environment, check=False, **more)


def test_the_module_is_the_command(store):
    done = run("-m", "pytest_wfperf", "verify")
    assert (done.returncode, done.stdout.decode()) == (0, f"{store.root}: every file is sound{os.linesep}")


def test_pytest_is_not_imported():
    code = "import sys, pytest_wfperf.cli; print('pytest' in sys.modules or '_pytest' in sys.modules)"
    assert run("-c", code).stdout.split() == [b"False"]


def test_a_terminal_without_unicode_still_gets_its_answer(tmp_path):
    Store(tmp_path).save("main", [profile("test_é")], environment=HERE)
    done = run("-m", "pytest_wfperf", "show", "--store", tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert rb"test_\xe9" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="closes a POSIX pipe")
def test_a_reader_that_has_seen_enough_is_no_error(store):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "pytest_wfperf", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (999.96, "1 µs"),
        (1500, "1.5 µs"),
        (212e6, "212 ms"),
        (1.23456e9, "1.235 s"),
        (59.9999e9, "1 min"),
        (5.4e12, "90 min"),
        (-5e6, "-5 ms"),
    ],
)
def test_durations_read_well(ns, text):
    assert duration(ns) == text
