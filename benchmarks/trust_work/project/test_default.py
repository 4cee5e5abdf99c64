"""Nothing declared: the plugin chooses the limit."""

from work import STEPS


def test_flow(wfperf):
    for name, function in STEPS.items():
        with wfperf.step(name):
            function()
