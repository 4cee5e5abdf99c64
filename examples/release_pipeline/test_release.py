"""A release of 22 tasks: is it right, what decides how long it takes, what does running tasks at once buy?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pipeline import TASKS, Release
from services import service

CRITICAL = [
    "checkout", "version_number", "catalogue", "documents", "checksums", "signature", "publish", "verification",
]  # fmt: skip


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with service() as found:
        yield found


@pytest.fixture
def release(wfperf, tmp_path: Path, address: str) -> Callable[..., Release]:
    """Makes a whole release, each time in a folder of its own."""

    def make(*, parallel: bool = True) -> Release:
        made = Release(wfperf, Path(tempfile.mkdtemp(dir=tmp_path)), address)
        made.graph().run(parallel=parallel)
        return made

    return make


@pytest.mark.wfperf("pass_rate >= 95%", "gate:unit_tests pass_rate >= 95%", "gate:verification pass_rate >= 95%")
def test_release(release, wfperf):
    made = release()
    wfperf.metric("published files", sum(path.is_file() for path in made.public.rglob("*")), better="higher")


def test_the_catalogue_decides_how_long_a_release_takes(release, wfperf):
    found = wfperf.analyse(wfperf.run(release))
    path = [link.path for link in found.path if link.depth == 0]
    assert path == CRITICAL
    heaviest = max(found.path, key=lambda link: link.drag_ns if link.depth == 0 else 0)
    assert heaviest.path == "catalogue"


def test_tasks_at_once_are_a_third_faster(release, wfperf):
    comparison = wfperf.compare(release, lambda: release(parallel=False), rounds=3, warmup=0)
    comparison.assert_speedup(at_least=1.33)


@pytest.mark.wfperf("load:3 failures == 0", "pass_rate >= 95%")
def test_three_releases_at_once_are_as_right_as_one(release, wfperf):
    done = wfperf.load(release, concurrency=3, warmup=0)
    assert done.failures == 0
    assert done.calls == 3


def test_there_are_22_tasks():
    assert len(TASKS) == 22
