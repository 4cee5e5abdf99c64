"""Heights of the tide as a sum of harmonic constituents.

Speeds are the astronomical ones, in degrees an hour (Doodson 1921).
"""

from __future__ import annotations

from math import cos, radians

SPEEDS = {"M2": 28.9841042, "S2": 30.0, "N2": 28.4397295, "K1": 15.0410686, "O1": 13.9430356, "M4": 57.9682084}
PORTS = {
    "Borkum": {"M2": (1.08, 262.0), "S2": (0.27, 330.0), "N2": (0.17, 238.0), "K1": (0.07, 22.0), "M4": (0.09, 210.0)},
    "Cuxhaven": {"M2": (1.36, 339.0), "S2": (0.34, 49.0), "N2": (0.22, 316.0), "K1": (0.08, 40.0), "M4": (0.10, 310.0)},
    "Dover": {"M2": (2.25, 330.0), "S2": (0.71, 22.0), "N2": (0.42, 308.0), "O1": (0.06, 180.0), "M4": (0.26, 220.0)},
    "Brest": {"M2": (2.05, 140.0), "S2": (0.75, 180.0), "N2": (0.42, 120.0), "K1": (0.06, 72.0), "O1": (0.07, 324.0)},
}


def height(port: str, hour: float) -> float:
    """Metres above mean sea level, so many hours after the epoch.

    >>> round(height("Dover", 0.0), 2)
    2.61
    """
    return sum(size * cos(radians(SPEEDS[name] * hour - lag)) for name, (size, lag) in PORTS[port].items())


def table(port: str, hours: int, per_hour: int = 10) -> list[tuple[float, float]]:
    """Heights at even distances of time.

    >>> len(table("Brest", 2))
    21
    """
    return [(i / per_hour, height(port, i / per_hour)) for i in range(hours * per_hour + 1)]


def high_waters(port: str, hours: int) -> list[tuple[float, float]]:
    """Times and heights at which the water turns.

    >>> [round(hour, 1) for hour, _ in high_waters("Borkum", 24)]
    [9.4, 21.8]
    """
    rows = table(port, hours)
    return [b for a, b, c in zip(rows, rows[1:], rows[2:], strict=False) if a[1] < b[1] >= c[1]]
