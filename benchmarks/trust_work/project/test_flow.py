"""Every step and the whole are gated at the limit that the campaign promises to hold."""

import pytest
from work import STEPS


@pytest.mark.wfperf("regression < 5%", *(f"step:{name} regression < 5%" for name in STEPS))
def test_flow(wfperf):
    for name, function in STEPS.items():
        with wfperf.step(name):
            function()
