import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import HERE, THERE

from pytest_wfperf.errors import ConfigError
from pytest_wfperf.model import Environment
from pytest_wfperf.store import layout

SPITEFUL = (
    "",
    ".",
    "..",
    "../../../etc/passwd",
    "..\\..\\boot.ini",
    "/absolute",
    "C:\\windows",
    "x" * 400,
    "tests/test_a.py::test_" + "ü" * 400,
    "con",
    "NUL",
    "com1",
    "lpt9.txt",
    "trailing.",
    "trailing ",
    "line\nbreak",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "\udcff",
    "🦄",
    'a|b?c*d<e>f"g:h',
    "\u202egnp.exe",
    "-rf",
    ".tmp-x",
)


@pytest.mark.parametrize("node_id", SPITEFUL, ids=range(len(SPITEFUL)))
def test_any_node_id_gives_a_harmless_file_name(node_id):
    name = layout.workflow_file(node_id)
    assert_harmless(name)


@given(st.text(st.characters(), max_size=300))
def test_every_text_gives_a_harmless_file_name(node_id):
    assert_harmless(layout.workflow_file(node_id))


def assert_harmless(name):
    stem, dot, suffix = name.partition(".")
    assert (dot, suffix) == (".", "json")
    assert len(name.encode()) <= 120
    assert name.isascii()
    assert name == name.lower()
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert stem[0] != "-"
    assert len(stem) > 16


def test_ids_that_some_file_system_takes_for_one_get_two_files():
    twins = [
        ("test_A", "test_a"),
        (unicodedata.normalize("NFC", "test_é"), unicodedata.normalize("NFD", "test_é")),
        ("test_a[1]", "test_a(1)"),
        ("a" * 400 + "x", "a" * 400 + "y"),
        ("x" + "a" * 400, "y" + "a" * 400),
        ("test ", "test"),
        ("a/b", "a\\b"),
    ]
    for one, other in twins:
        assert layout.workflow_file(one).casefold() != layout.workflow_file(other).casefold()


def test_a_file_s_name_is_stable_and_readable():
    assert (
        layout.workflow_file("tests/test_shop.py::test_pay[eu]")
        == "tests-test-shop-py-test-pay-eu-4618fae655be7d1c.json"
    )


def test_an_environment_s_directory_spells_out_what_is_known():
    assert layout.environment_directory(HERE).startswith("linux-cpython3.12-2cpu-")
    assert layout.environment_directory(HERE) != layout.environment_directory(THERE)
    assert layout.environment_directory(HERE) == layout.environment_directory(Environment(facts=HERE.facts[::-1]))
    assert layout.environment_directory(Environment(facts=())).startswith("environment-")


@given(st.dictionaries(st.sampled_from(["system", "python", "cpus", "x"]), st.text(st.characters(), max_size=60)))
def test_no_fact_leaves_the_store(facts):
    name = layout.environment_directory(Environment(facts=tuple(facts.items())))
    assert len(name) <= 120
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert name[0] not in "-."
    assert name[-1] not in "-."


@pytest.mark.parametrize("name", ["main", "a", "release-1.2", "A_b", "0", "console", "x" * 64])
def test_good_names(name):
    assert layout.check_name(name, "somewhere") == name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "use 1 to 64"),
        ("..", "use 1 to 64"),
        ("a/b", "use 1 to 64"),
        ("a\n", "use 1 to 64"),
        ("x" * 65, "use 1 to 64"),
        (".hidden", "use 1 to 64"),
        ("-x", "use 1 to 64"),
        ("été", "use 1 to 64"),
        ("con", "reserved"),
        ("NUL.txt", "reserved"),
        ("Com7", "reserved"),
        ("main.", "must not end with a dot"),
    ],
)
def test_bad_names_are_refused_with_value_source_and_rule(name, rule):
    with pytest.raises(ConfigError) as caught:
        layout.check_name(name, "--wfperf-baseline")
    assert repr(name) in str(caught.value)
    assert "--wfperf-baseline" in str(caught.value)
    assert rule in str(caught.value)


def test_versions_sort_by_number_and_have_one_spelling():
    names = ["0002-aaaaaa", "10000-000000", "0010-ffffff", "9999-000000"]
    assert sorted(names, key=layout.parse_version) == ["0002-aaaaaa", "0010-ffffff", "9999-000000", "10000-000000"]
    for name in (
        "7-3fa9c1",
        "00007-3fa9c1",
        "0007-3FA9C1",
        "0007-3fa9c",
        "0007-3fa9c1\n",
        "\u0660\u0660\u0660\u0667-3fa9c1",
        "x",
    ):
        assert layout.parse_version(name) is None
    assert str(layout.next_version([])).startswith("0001-")
    assert layout.next_version([layout.Version(9, "abcdef")]).number == 10
