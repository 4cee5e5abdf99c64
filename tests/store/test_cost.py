"""What a gate reads does not grow with the store: counted in files opened and folders listed."""

import shutil
import sys
from contextlib import contextmanager

import pytest
from stored import HERE, profile

from pytest_wfperf.store.directory import Store

A = profile("tests/test_a.py::test_a")
listening = []


@pytest.fixture(scope="module", autouse=True)
def hook():
    """An audit hook cannot be removed, so one serves the module and listens only when asked to."""

    def heard(event, arguments):
        if listening and event in ("open", "os.listdir", "os.scandir"):
            listening[-1].append((event, str(arguments[0])))

    sys.addaudithook(heard)


@contextmanager
def counted(root):
    touched = []
    listening.append(touched)
    try:
        yield touched
    finally:
        listening.pop()
        touched[:] = [(event, path) for event, path in touched if path.startswith(str(root))]


def touched_by_a_gate(store):
    with counted(store.root) as touched:
        assert store.open("main", HERE).sessions(A.workflow) == (A,)
    return touched


def with_versions(root, number):
    store = Store(root)
    store.save("main", [A], environment=HERE)
    place = next((root / "baselines" / "main").iterdir())
    first = place / (place / "HEAD").read_text().strip()
    for n in range(2, number):
        shutil.copytree(first, place / f"{n:04d}-{n:06x}")
    store.save("main", [A], environment=HERE)
    return store


def test_a_gate_s_reads_do_not_grow_with_the_number_of_versions(tmp_path):
    few, many = (touched_by_a_gate(with_versions(tmp_path / str(n), n)) for n in (10, 2000))
    assert len(few) == len(many) == 6
    assert [event for event, _ in many].count("open") == 5
    assert not any("/0001-" in path for _, path in many)


def test_a_gate_s_reads_do_not_grow_with_the_number_of_other_workflows(tmp_path):
    others = [profile(f"tests/test_b.py::test_{n}", rounds=1) for n in range(150)]
    touched = []
    for number in (1, 150):
        store = Store(tmp_path / str(number))
        store.save("main", [A, *others[:number]], environment=HERE)
        touched.append(touched_by_a_gate(store))
    assert len(touched[0]) == len(touched[1]) == 6
    assert not any("test-b-py" in path for _, path in touched[1])
