"""A workflow of more than a second."""

import pytest
from work.long import archive, evaluate, ledger, rank

STEPS = {function.__name__: function for function in (archive, rank, ledger, evaluate)}


@pytest.mark.wfperf("regression < 5%", *(f"step:{name} regression < 5%" for name in STEPS))
def test_long(wfperf):
    for name, function in STEPS.items():
        with wfperf.step(name):
            function()
