"""How much work every step does in one call. The campaign edits this file."""

import random

UNITS = {
    "parse": 40,
    "sort": 40,
    "match": 40,
    "digest": 40,
    "store": 40,
    "calculate": 40,
    "archive": 40,
    "rank": 40,
    "ledger": 40,
    "evaluate": 40,
}
SLOW_PATH = ""  # the step named here does its work twice in one call of five
_CHANCE = random.SystemRandom()  # its own for every process, whatever seeds the shared one


def units(step):
    if step == SLOW_PATH and _CHANCE.random() < 0.2:
        return 2 * UNITS[step]
    return UNITS[step]
