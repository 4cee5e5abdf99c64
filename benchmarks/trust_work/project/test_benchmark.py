"""The same functions for pytest-benchmark."""

import pytest
from work import STEPS


@pytest.mark.parametrize("function", STEPS.values(), ids=STEPS)
def test_step(benchmark, function):
    benchmark(function)
