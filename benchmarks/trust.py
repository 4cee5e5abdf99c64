"""What the gate is worth on this machine: false alarms, catches and seconds, beside pytest-benchmark.

Every run is a fresh git repository whose working tree is edited – not at all, by a null change that
does no work, or so that one step does 5, 10 or 20 % more of its own – and one `pytest` in it, as a user
would type it. Rows take turns in random order, so that the machine's moods meet all alike. Each run is a
line of raw data at once; an interrupted campaign is continued by the same command.

    python benchmarks/trust.py [ROW ...] [--runs N] [--noise] [--out FILE.jsonl] [--peer EVERY]
    python benchmarks/trust.py --table FILE.jsonl
    python benchmarks/trust.py --verify        (a quarter of an hour: the edits are what they say)
    python benchmarks/trust.py --list
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from trust_work.neighbours import neighbours
from trust_work.rows import DEFAULT, ROWS, Row
from trust_work.run import build, run
from trust_work.sessions import Sessions
from trust_work.table import essence, table
from trust_work.verify import verify


def main() -> int:
    options = _options()
    if options.list:
        print("\n".join(f"{row.name:16} {row.what:48} {row.bar}" for row in ROWS.values()))
    elif options.table:
        print(table(_records(options.table)))
    elif options.verify:
        return 0 if verify() else 1
    else:
        return _campaign(options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="trust.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run (default: all)")
    parser.add_argument("--runs", type=int, default=10, help="runs of every row (default: 10)")
    parser.add_argument("--noise", action="store_true", help="beside a bursty neighbour on every core")
    parser.add_argument("--out", type=Path, default=Path("trust.jsonl"), help="raw data, added to (trust.jsonl)")
    parser.add_argument("--peer", type=int, default=3, help="pytest-benchmark in every N-th run, 0 never (default: 3)")
    parser.add_argument(
        "--pytest-arg", action="append", default=[], metavar="ARG", help="one more argument for every gated run"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="print the table of this raw data")
    parser.add_argument("--verify", action="store_true", help="measure the true effects and check the null changes")
    parser.add_argument("--list", action="store_true", help="list the rows with their bars")
    options = parser.parse_args()
    if unknown := set(options.rows) - ROWS.keys():
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return options


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """A line that an interruption left unfinished is not the last of a run."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield json.loads(line)
        except ValueError:
            print(f"{path}:{number} is not whole and is left out", file=sys.stderr)


def _campaign(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    version, arguments = build(), tuple(options.pytest_arg)
    place = options.out.with_suffix(".sessions") / f"{version}-{'noise' if options.noise else 'quiet'}"
    sessions = Sessions(place, DEFAULT, arguments)
    turns = _turns(options.out, noise=options.noise)
    rows = [ROWS[name] for name in dict.fromkeys(options.rows)] or list(ROWS.values())
    try:
        with neighbours(present=options.noise), options.out.open("a", encoding="utf-8") as raw:
            if raw.tell() and not options.out.read_bytes().endswith(b"\n"):
                raw.write("\n")  # a line that was cut off must not take the next one with it
            for done, row in enumerate(_order(rows, options.runs), 1):
                if build() != version:
                    print("the plugin's or the campaign's source has changed: start again", file=sys.stderr)
                    return 1
                turn = turns[row.name]
                peer = row.peer and options.peer > 0 and turn % options.peer == 0
                record = run(row, turn, sessions=sessions, peer=peer, arguments=arguments)
                record |= {"noise": options.noise, "build": version}
                raw.write(json.dumps(record, ensure_ascii=False) + "\n")
                raw.flush()
                turns[row.name] += 1
                print(f"{done}/{len(rows) * options.runs} {_said(record)}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} keeps every finished run", file=sys.stderr)
        return 130
    print(table(_records(options.out)))
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _turns(path: Path, *, noise: bool) -> Counter[str]:
    """How many runs of each row there are already, so that edits and steps go on in turn."""
    found = _records(path) if path.exists() else ()
    return Counter(record["row"] for record in found if record["noise"] == noise)


def _order(rows: list[Row], runs: int) -> Iterator[Row]:
    for _ in range(runs):
        yield from random.sample(rows, len(rows))


def _said(record: dict[str, Any]) -> str:
    words = (record["row"], record["edit"], record["step"], record["outcome"], ", ".join(record.get("flagged", ())))
    seconds = f"{record['seconds']:.1f} s" if "seconds" in record else ""
    return "  ".join(filter(None, (*words, seconds, essence(record.get("error", "")))))


if __name__ == "__main__":
    sys.exit(main())
