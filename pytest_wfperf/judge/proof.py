"""Whether launches prove what a limit in absolute numbers asks for: one value per launch is one witness.

Rounds of one process agree with one another more than processes do; counted as independent they
would prove falsely in a quarter of all cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, median

from ..estimate import clopper_pearson_lower, clopper_pearson_upper, signed_rank_p
from .difference import ALPHA
from .looks import ROUNDING
from .spread import design_effect
from .threshold import Threshold

LEAST_LAUNCHES = 5  # with fewer nothing is proved: 2⁻⁵ is the first p-value below 5 %
ERROR = 0.05
_OF_LAUNCH: dict[str, Callable[[Sequence[float]], float]] = {"min": min, "median": median, "mean": fmean}

Launches = Sequence[Sequence[float]]  # one path's samples, launch by launch


def proved(threshold: Threshold, launches: Launches, estimate: float) -> bool:
    """Whether the side of the limit on which the estimate lies is beyond chance at 5 %.

    Minimum, median and mean by the exact signed-rank test on one value per launch, percentiles by
    Clopper & Pearson 1934 on counts divided by the design effect of rounds in launches. Nothing
    else, and nothing by fewer than five launches, is proved.
    """
    if len(launches) < LEAST_LAUNCHES:
        return False
    below = threshold.holds(estimate) is (threshold.op in ("<", "<="))
    if threshold.percentile is not None:
        return _quantile_proved(threshold.percentile / 100, launches, threshold.value, below=below)
    if threshold.quantity not in _OF_LAUNCH or threshold.value <= 0:
        return False
    logs = [math.log(max(1, _OF_LAUNCH[threshold.quantity](launch)) / threshold.value) for launch in launches]
    return signed_rank_p(logs, alternative="less" if below else "greater") <= ERROR


def _quantile_proved(q: float, launches: Launches, limit: float, *, below: bool) -> bool:
    logs = [[math.log(max(1, value)) for value in launch] for launch in launches]
    effect = design_effect(logs, q)
    total = sum(map(len, launches)) / effect
    under = sum(value <= limit for launch in launches for value in launch) / effect
    if below:
        return clopper_pearson_lower(under, total, 1 - ERROR) >= q
    return clopper_pearson_upper(under, total, 1 - ERROR) < q


def exact_from(metrics: int) -> int:
    """How many launches of either side without any spread make a count exact, with so many counts in the run.

    A value that changes by chance in half of the launches would then agree by chance too rarely.
    """
    return math.ceil(math.log2(2 * max(1, metrics) / ALPHA) / 2 / ROUNDING)
