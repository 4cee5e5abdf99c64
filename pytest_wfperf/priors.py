"""How far times of one and the same code usually lie apart: what is held before a store has shown better.

All are standard deviations of ln(time), from recorded sessions of unchanged code.
"""

from __future__ import annotations

SESSION_SD = 0.02  # between sessions of fresh processes
CALIBRATED_SD = 0.015  # the same where the machine's speed is taken off
PROCESS_SD = 0.05  # between single processes, as they come
LAUNCH_SD = 0.02  # between launches of one session, worth two launches
SPEED_SD = 0.4  # of the part of a change of the machine's speed that a step does not share
ESTIMATOR_SD = 0.006  # what a minimum of rounds is off by even where everything else agrees
PRIOR_WEIGHT = 4  # degrees of freedom that what is held of sessions is worth
SESSION_GAP_S = 3600.0  # sessions closer than this count as one
