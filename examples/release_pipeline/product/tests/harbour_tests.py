"""The product's own tests, run by one task of the pipeline."""

import random
import unittest

from harbour.berths import Call, plan
from harbour.tides import PORTS, high_waters, table


class TidesTest(unittest.TestCase):
    def test_two_high_waters_a_day(self):
        for port in PORTS:
            assert len(high_waters(port, 24 * 14)) in (26, 27, 28)

    def test_the_table_stays_within_what_its_constituents_can_do(self):
        for port, parts in PORTS.items():
            most = sum(size for size, _ in parts.values())
            assert max(abs(metres) for _, metres in table(port, 24 * 60)) <= most


class BerthsTest(unittest.TestCase):
    def test_no_two_ships_share_a_berth(self):
        rng = random.Random(4)
        for _ in range(60):
            calls = [Call(f"s{i}", start := rng.random() * 50, start + 1 + rng.random() * 9) for i in range(60)]
            berths = plan(calls)
            for i, a in enumerate(calls):
                for b in calls[:i]:
                    if berths[a.ship] == berths[b.ship]:
                        assert a.leaves <= b.arrives or b.leaves <= a.arrives


if __name__ == "__main__":
    unittest.main()
