"""Work on records: sorting dicts, and SQLite in memory."""

import random
import sqlite3

from .settings import units

RECORDS = [{"id": i, "name": f"name {i}", "tags": [str(i % 7)] * 3, "price": i * 1.5} for i in range(80)]
SHUFFLED = random.Random(1).sample(RECORDS, len(RECORDS))


def sort():
    """Order the shuffled records again and again."""
    found = []
    for _ in range(units("sort")):
        found = sorted(SHUFFLED, key=by_tags)
    return found


def by_tags(record):
    return record["tags"], record["name"]


def store():
    found = None
    for _ in range(units("store")):
        found = stored(RECORDS[:20])
    return found


def stored(records):
    """Fill a table of a database of its own and ask it something."""
    database = sqlite3.connect(":memory:")
    database.execute("create table record (id, name, price)")
    database.executemany("insert into record values (:id, :name, :price)", records)
    found = database.execute("select count(*), sum(price) from record where name like '%1%'").fetchone()
    database.close()
    return found


def described_records(row, width):
    """Nobody calls this."""
    return "{} of {} wide, {:.2f}".format(row, width, width / 7)  # noqa: UP032
