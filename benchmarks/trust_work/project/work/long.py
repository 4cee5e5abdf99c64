"""The steps of the long workflow: the same kinds of work on far more data."""

import json
import random

from .records import by_tags, stored
from .settings import units
from .text import value_of

CATALOGUE = [{"id": i, "name": f"name {i}", "tags": [str(i % 7)] * 3, "price": i * 1.5} for i in range(1500)]
MIXED = random.Random(2).sample(CATALOGUE, len(CATALOGUE))
FORMULAS = [f"({i} + 2 * (3 + {i + 4})) * (5 + 6 * 7) - (8 - 9 * ({i} + 11)) / (12 + 13)" for i in range(900)]


def archive():
    """Write the catalogue as text and read it back."""
    found = []
    for _ in range(units("archive")):
        for _again in range(4):
            found = json.loads(json.dumps(CATALOGUE))
    return found[-1]


def rank():
    found = []
    for _ in range(units("rank")):
        for _again in range(8):
            found = sorted(MIXED, key=by_tags)
    return found[-1]


def ledger():
    """Put the catalogue into a table and ask it something."""
    found = None
    for _ in range(units("ledger")):
        for _again in range(6):
            found = stored(CATALOGUE)
    return found


def evaluate():
    found = 0
    for _ in range(units("evaluate")):
        found = sum(map(value_of, FORMULAS))
    return found


def described_long(row, width):
    """Nobody calls this."""
    return "{} of {} wide, {:.2f}".format(row, width, width / 7)  # noqa: UP032
