"""Makes the tide catalogue: run as a command by the pipeline, which it tells how long each of its parts took.

WFPERF_STEPS=steps.jsonl python generator.py OUT DAYS
"""

import json
import os
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "product"))

from harbour.tides import PORTS, table


@contextmanager
def operation(name: str) -> Iterator[None]:
    """One line of JSON for what ran in the block; any language can write it."""
    started = time.time()
    yield
    if steps := os.environ.get("WFPERF_STEPS"):
        with Path(steps).open("a", encoding="utf-8") as file:
            print(json.dumps({"step": name, "start": started, "end": time.time()}), file=file)


def main(out: Path, days: int) -> None:
    with operation("predict"):
        heights = {port: table(port, 24 * days) for port in PORTS}
    with operation("turns"):
        turns = {
            port: [b for a, b, c in zip(rows, rows[1:], rows[2:], strict=False) if a[1] < b[1] >= c[1]]
            for port, rows in heights.items()
        }
    with operation("render"):
        pages = {
            port: "\n".join(f"{hour:9.1f} {metres:6.2f}" for hour, metres in rows) for port, rows in heights.items()
        }
    with operation("index"):
        index = {port: [[round(hour, 1), round(metres, 2)] for hour, metres in found] for port, found in turns.items()}
    with operation("compress"):
        out.mkdir(parents=True, exist_ok=True)
        for port, page in pages.items():
            (out / f"{port}.txt.z").write_bytes(zlib.compress(page.encode(), 9))
        (out / "index.json").write_text(json.dumps(index), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
