"""The page's numbers are the terminal's: format.js against report/text.py."""

from __future__ import annotations

import random

import pytest
from charting import chart_page, example

from pytest_wfperf.report import text

DICE = random.Random(7)
EDGES = [0, 1, 7, 12.5, 999, 999.4, 999.5, 999.95, 999.96, 1000, 1000.5, 1001.5, 9999, 99_995, 99_996, 100_000]
TIMES = [
    *(edge * 10**power for edge in EDGES for power in (0, 3, 6, 9)),
    59_994 * 10**6, 59_996 * 10**6, 60 * 10**9, 90 * 60 * 10**9, 5_999.5 * 60e9, 10**17, -1, -212_345_678,
    0.5, 0.25, 0.125, 0.0625, 1.0005, 2.0005, 0.00012345, 0.00001234,
    *(10 ** DICE.uniform(-2, 14) for _ in range(300)),
    *(DICE.randrange(10**12) for _ in range(200)),
]  # fmt: skip
FRACTIONS = [
    0, -0.0, 0.0004, 0.0005, -0.0004, -0.0006, 0.005, 0.0125, 0.0375, 0.042, 0.0996, 0.09999, 0.1, 0.125, 0.145, 0.5, 0.995,
    1, 1.9999, 2, 2.345, 8.995, 9.995, 99, 1233.5, 123456.0, -1, -0.5, -0.999, -0.0995, -0.09996, 0.105, 0.115, 0.00125,
    *(DICE.uniform(-1, 3) for _ in range(200)),
    *(DICE.choice([-1, 1]) * 10 ** DICE.uniform(-5, 0) for _ in range(200)),
    *(n / 2000 for n in range(-200, 400)),
]  # fmt: skip


@pytest.fixture(scope="module")
def numbers(page, tmp_path_factory):
    page.open(chart_page(tmp_path_factory.mktemp("format"), example(), []))
    return lambda name, values: page.run(f"return arguments[0].map((value) => format.{name}(value))", values)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("duration", TIMES, text.duration),
        ("share", FRACTIONS, text.share),
        ("change", FRACTIONS, text.change),
        ("caught", [None, *map(abs, FRACTIONS)], text.caught),
    ],
)
def test_numbers_read_as_in_the_terminal(numbers, name, values, expected):
    assert len(values) > 400
    found = dict(zip(map(repr, values), numbers(name, values), strict=True))
    wanted = {repr(value): expected(value) for value in values}
    assert {value: shown for value, shown in found.items() if shown != wanted[value]} == {}


def test_an_interval_that_reaches_far_is_told_in_factors(page, numbers):
    told = page.run("return [format.interval(-0.021, 0.094), format.interval(0.5, 2.5)]")
    assert told == ["-2.1 % to +9.4 %", "1.5x to 3.5x"]


def test_foreign_text_is_made_printable_alike(page, numbers):
    texts = [
        "plain",
        "ünï – 日本 🎉",
        "a\u202eb",
        "\x00\x1b[31m\n\r\t",
        "\u2028\u2029\u200b\ufeff",
        "\U000e0041",
        "back\\slash",
    ]
    assert numbers("printable", texts) == [text.printable(one) for one in texts]
