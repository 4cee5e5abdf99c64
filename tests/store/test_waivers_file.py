from datetime import date

import pytest

from pytest_wfperf.errors import ConfigError
from pytest_wfperf.judged import Verdict, Waiver
from pytest_wfperf.store.waivers import matching, read_waivers

GOOD = """
[[waiver]]
workflow = "tests/test_a.py::test_a[1]"
verdict = "REGRESSED"
reason = "the new parser is slower and right"
expires = 2026-12-31

[[waiver]]
workflow = "tests/slow/*"
verdict = "MISSING"
reason = "moved to the nightly run"
expires = 2027-01-31
"""
DAY = date(2026, 12, 1)


def read(tmp_path, text):
    (tmp_path / "waivers.toml").write_text(text)
    return read_waivers(tmp_path)


def test_no_file_means_no_waivers(tmp_path):
    assert read_waivers(tmp_path) == ()


def test_waivers_are_read_in_order(tmp_path):
    first, second = read(tmp_path, GOOD)
    assert first == Waiver(
        workflow="tests/test_a.py::test_a[1]",
        verdict=Verdict.REGRESSED,
        reason="the new parser is slower and right",
        expires=date(2026, 12, 31),
        source=f"{tmp_path / 'waivers.toml'}, entry 1",
    )
    assert second.verdict is Verdict.MISSING


def test_a_waiver_matches_its_workflow_its_verdict_and_its_time(tmp_path):
    first, second = waivers = read(tmp_path, GOOD)
    assert matching(waivers, "tests/test_a.py::test_a[1]", Verdict.REGRESSED, DAY) is first
    assert matching(waivers, "tests/test_a.py::test_a[1]", Verdict.REGRESSED, first.expires) is first
    assert matching(waivers, "tests/test_a.py::test_a[1]", Verdict.REGRESSED, date(2027, 1, 1)) is None
    assert matching(waivers, "tests/test_a.py::test_a[1]", Verdict.FAILED, DAY) is None
    assert matching(waivers, "tests/test_a.py::test_a[2]", Verdict.REGRESSED, DAY) is None
    assert matching(waivers, "tests/slow/test_x.py::test_y[a/b]", Verdict.MISSING, DAY) is second
    assert matching(waivers, "TESTS/SLOW/x", Verdict.MISSING, DAY) is None
    assert matching((), "x", Verdict.MISSING, DAY) is None


def entry(**changes):
    keys = {"workflow": '"a"', "verdict": '"REGRESSED"', "reason": '"b"', "expires": "2026-12-31"} | changes
    return "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value)


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        ("[[waiver]\n", "is not valid TOML", "line 1"),
        (entry(until="1"), "unknown key 'until'", "use workflow, verdict, reason, expires"),
        (entry(reason=None), "'reason' is missing", "every waiver says"),
        (entry(reason='"  "'), "reason = '  '", "as text"),
        (entry(workflow="7"), "workflow = 7", "as text"),
        (entry(verdict='"SLOW"'), "verdict = 'SLOW'", "REGRESSED"),
        (entry(verdict='"PASS"'), "verdict = 'PASS'", "only these can be waived"),
        (entry(verdict="[1]"), "verdict = [1]", "only these can be waived"),
        (entry(expires='"2026-12-31"'), "expires = '2026-12-31'", "a date without quotes, such as 2026-12-31"),
        (entry(expires="2026-12-31T10:00:00"), "expires = datetime", "a date without quotes"),
        (entry(expires="2026-02-30"), "is not valid TOML", "line"),
        ('waiver = "x"\n', "'waiver' is not a list of entries", "[[waiver]]"),
        ("waiver = [1]\n", "'waiver' is not a list of entries", "[[waiver]]"),
        ("[waivers]\n", "unknown table or key 'waivers'", "[[waiver]]"),
    ],
)
def test_a_bad_waiver_is_refused_with_file_entry_value_and_fix(tmp_path, text, problem, fix):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "waivers.toml"))
    assert problem in str(caught.value)
    assert fix in str(caught.value)


def test_the_entry_is_counted(tmp_path):
    with pytest.raises(ConfigError, match=r"waivers\.toml, entry 3: 'reason' is missing"):
        read(tmp_path, GOOD + entry(reason=None))
