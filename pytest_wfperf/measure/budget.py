"""The time a run may spend on launches, and what it buys."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .launch import Effort

LAUNCHES = 10  # what a run is planned for where nobody says how many
PAIRS = 13  # the same where two sides are held against each other: 2⁻¹³ is 1 % shared by 80 statistics
FEW_ROUNDS = 4
OVERDRAWN = 1.25  # times the budget: by then a plan that was made on a faster machine is given up


class Budget:
    """Seconds from now on; ``clock`` returns seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._began = clock()
        self._costs: list[float] = []

    @property
    def spent_s(self) -> float:
        return self._clock() - self._began

    @property
    def left_s(self) -> float:
        return max(0.0, self.seconds - self.spent_s)

    @property
    def overdrawn(self) -> bool:
        """Whether the machine has become so slow that no plan holds."""
        return self.spent_s > OVERDRAWN * self.seconds

    def launched(self, seconds: float) -> None:
        """One more launch is over and took so long."""
        self._costs.append(seconds)

    def affords_another(self) -> bool:
        """Whether there is time for a launch like the latest; for the first there is."""
        return not self._costs or self._costs[-1] <= self.left_s

    def affordable(self, wanted: int) -> int:
        """How many launches there is time for by what the latest cost, ``wanted`` at most, those taken at least."""
        taken = len(self._costs)
        return max(taken, min(wanted, taken + int(self.left_s / max(1e-3, self._costs[-1]))))

    def effort(self, taken_ns: Sequence[int], *, rounds: int, warmup: int, workflows: int, sides: int) -> Effort | None:
        """Rounds by the length of those taken: those wanted, where there is time for enough launches of them.

        Of long rounds one a launch, which is its own warm-up: more launches tell more than more rounds. A
        first round that seems long may only have been cold: None asks for a second, unless that has no room.
        """
        share_ns = self.seconds * 1e9 / max(1, workflows) / (LAUNCHES if sides == 1 else PAIRS) / sides
        affordable = int(share_ns / max(1, min(taken_ns)))
        if affordable < max(FEW_ROUNDS, warmup + 1):
            room = 2 * sides * taken_ns[0] <= self.left_s * 1e9
            return None if len(taken_ns) == 1 and room and warmup else Effort(rounds=1, warmup=0)
        return Effort(rounds=min(rounds, affordable - warmup), warmup=warmup)
