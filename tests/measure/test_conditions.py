"""Conditions of a launched process."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys

import pytest

from pytest_wfperf.measure import layout

LOOK = "from pytest_wfperf.measure.layout import addresses; print(addresses(), id(object()))"


def looked() -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "1"}
    ).stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="the personality flag is Linux's")
def test_processes_started_inside_have_fixed_addresses_and_those_after_do_not():
    with layout.fixed_addresses():
        inside = [looked() for _ in range(2)]
    outside = [looked() for _ in range(2)]
    if inside[0][0] != "fixed":
        tool = shutil.which("setarch")
        permitted = tool and subprocess.run([tool, "-R", "true"], capture_output=True, check=False).returncode == 0
        assert not permitted, "this system lets another program do it"
        pytest.skip("this system does not permit it")
    assert abs(int(inside[0][1]) - int(inside[1][1])) < 1 << 20
    assert {place for place, _ in outside} == {layout.addresses()}
    with layout.fixed_addresses(wanted=False):
        assert looked()[0] == layout.addresses()


def test_the_heap_is_shuffled_by_its_seed_and_the_collector_kept_off():
    frozen = gc.get_freeze_count()
    heap = layout.Heap(1)
    heap.shuffle()
    first = len(heap._held), len(heap._objects)
    assert gc.get_freeze_count() > frozen
    heap.shuffle()
    assert (len(heap._held), len(heap._objects)) != first
    again = layout.Heap(1)
    again.shuffle()
    assert (len(again._held), len(again._objects)) == first
    again.settle()
    gc.unfreeze()


def test_a_heap_left_alone_is_left_alone():
    frozen = gc.get_freeze_count()
    heap = layout.Heap(1, shuffled=False, collected=False)
    heap.shuffle()
    heap.settle()
    assert not heap._held
    assert gc.get_freeze_count() == frozen


def test_the_calibration_takes_about_a_millisecond_and_is_the_fastest_of_its_passes():
    assert 10_000 < layout.calibrate() < 1_000_000_000


def test_conditions_to_leave_out_come_from_the_environment():
    assert layout.without({"WFPERF_WITHOUT": "aslr,heap"}) == {"aslr", "heap"}
    assert layout.without({}) == frozenset()
