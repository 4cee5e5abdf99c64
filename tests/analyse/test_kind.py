"""What counts make of a regression."""

from __future__ import annotations

from pytest_wfperf.analyse.kind import kind
from pytest_wfperf.model import Count


def counts(**calls: int) -> list[Count]:
    return [Count(path=path, what="calls", value=value) for path, value in calls.items()]


def test_more_calls_are_more_work():
    assert (
        kind(counts(parse=443), counts(parse=403), ["parse"]) == "9.93 % more calls (403 → 443) in parse: it does more"
    )


def test_the_same_counts_are_the_same_work():
    told = kind(counts(parse=403), counts(parse=403), ["parse"])
    assert told.startswith("the same work in parse as before (403 calls, and no more files, bytes or memory)")


def test_files_and_bytes_tell_too():
    now = [
        *counts(parse=10),
        Count(path="parse", what="files", value=3),
        Count(path="parse", what="bytes", value=9_000),
    ]
    then = [
        *counts(parse=10),
        Count(path="parse", what="files", value=0),
        Count(path="parse", what="bytes", value=1_000),
    ]
    assert kind(now, then, ["parse"]) == (
        "800 % more bytes read and written (1000 → 9000), more files opened (0 → 3) in parse: it does more"
    )


def test_the_first_of_the_regressed_that_was_counted_is_told_of():
    assert "in sort" in kind(counts(sort=2), counts(sort=1), ["parse", "sort"])
    assert kind(counts(sort=2), counts(sort=1), ["parse"]) == ""
    assert kind([], counts(sort=1), ["sort"]) == ""
    assert kind(counts(sort=1), counts(sort=1), []) == ""
