"""Prints today's high waters of a port."""

import sys

from harbour.tides import PORTS, high_waters


def main() -> int:
    port = sys.argv[1] if len(sys.argv) > 1 else "Borkum"
    if port not in PORTS:
        print(f"no port {port!r}; there are {', '.join(PORTS)}", file=sys.stderr)
        return 1
    for hour, height in high_waters(port, 24):
        print(f"{port} {hour:5.2f} h {height:5.2f} m")
    return 0


if __name__ == "__main__":
    sys.exit(main())
