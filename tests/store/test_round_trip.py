import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from stored import HERE, profile, profiles

from pytest_wfperf.errors import BaselineCorrupt, BaselineError, MeasurementError, SchemaTooNew
from pytest_wfperf.model import Check, Launch, Metric, Profile, Round
from pytest_wfperf.store.schema import (
    FORMATS,
    decode_profile,
    encode_profile,
    load_schema,
    read_document,
    seal,
    validate,
)

quick = settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))


@quick
@given(profiles)
def test_a_profile_comes_back_as_it_went(original):
    data = json.loads(seal("profile", encode_profile(original), "here"))
    validate("profile", data, "here")
    assert decode_profile(data, "here") == original


@quick
@given(profiles)
def test_a_profile_survives_the_way_from_a_worker_process(original):
    execnet = pytest.importorskip("execnet")
    assert decode_profile(execnet.loads(execnet.dumps(encode_profile(original))), "a worker") == original


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "profile.json"
    path.write_bytes(seal("profile", encode_profile(profile()), "here"))
    assert decode_profile(read_document(path, "profile"), str(path)) == profile()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert decode_profile(read_document(path, "profile"), str(path)) == profile()


def test_what_says_nothing_is_left_out_and_numbers_stand_in_one_line():
    lines = seal("profile", encode_profile(profile()), "here").decode().splitlines()
    assert '      "path": "parse",' in lines
    assert '      "total_ns": [1000000, 1000000, 1000000, 1000000]' in lines
    assert not any('"count"' in line or '"cpu_ns"' in line or '"warmup"' in line for line in lines)


def test_the_result_is_not_stored():
    assert "result" not in json.dumps(encode_profile(replace(profile(), result=object())))


def test_half_characters_become_visible_escapes():
    data = encode_profile(replace(profile(), workflow="test[\ud800]"))
    assert data["workflow"] == "test[\\ud800]"
    json.dumps(data, ensure_ascii=False).encode()


def with_metric(value):
    return replace(
        profile(), launches=(Launch(rounds=(Round(total_ns=1, metrics=(Metric(name="cost", value=value),)),)),)
    )


def test_numbers_a_file_cannot_hold_are_refused_before_anything_is_written():
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(BaselineError, match=r"cannot store the run.*finite"):
            seal("profile", encode_profile(with_metric(value)), "the run")
    with pytest.raises(MeasurementError, match=r"'cost'.*record it scaled"):
        encode_profile(with_metric(10**400))
    assert decode_profile(encode_profile(with_metric(2**70)), "here").rounds[0].metrics[0].value == float(2**70)
    assert type(encode_profile(with_metric(True))["launches"][0]["rounds"]["metrics"][0]["value"][0]) is int


def test_what_no_reader_would_take_back_is_not_written():
    impossible = Profile(workflow="w", environment=HERE, launches=(Launch(rounds=(Round(total_ns=-1),)),))
    with pytest.raises(BaselineError, match=r"cannot store what no reader would take back.*total_ns"):
        seal("profile", encode_profile(impossible), "w")


def test_arrays_of_different_lengths_are_refused():
    data = encode_profile(profile())
    data["launches"][0]["rounds"]["steps"][0]["total_ns"].append(1)
    with pytest.raises(
        BaselineCorrupt, match=r"there\.json cannot be used: total_ns of 'parse' has 5 values for 4 rounds"
    ):
        decode_profile(data, "there.json")


def test_a_check_recorded_twice_in_a_round_and_in_another_order_is_kept():
    first = (Check(name="a", passed=True), Check(name="b", passed=True), Check(name="a", passed=False))
    rounds = (Round(total_ns=1, checks=first), Round(total_ns=1, checks=first[::-1]), Round(total_ns=1))
    original = replace(profile(), launches=(Launch(rounds=rounds),))
    assert decode_profile(encode_profile(original), "here") == original


# --- the schemas ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_the_schemas_are_valid_and_describe_every_property(kind):
    schema = load_schema(kind, FORMATS[kind])
    Draft202012Validator.check_schema(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part["title"]
        assert part["description"]
        assert part["additionalProperties"] is False
        assert all(inner["description"].endswith(".") for inner in part["properties"].values())


REPLACEMENTS = (None, True, -1, 0, 1.0, 1.5, "x", [], {}, [None], [-1], ["x"], [1.0], [True], {"x": 1}, [[0], []])


def places(data, path=()):
    yield path
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


@quick
@given(st.data())
def test_the_quick_validator_agrees_with_the_standard_one(data):
    document = json.loads(seal("profile", encode_profile(profile(rounds=3)), "here"))
    *path, last = data.draw(st.sampled_from([place for place in places(document) if place]))
    parent = document
    for key in path:
        parent = parent[key]
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "replace":
        parent[last] = data.draw(st.sampled_from(REPLACEMENTS))
    elif change == "remove":
        del parent[last]
    elif isinstance(parent, dict):
        parent["foreign"] = 1
    valid = Draft202012Validator(load_schema("profile", 1)).is_valid(document)
    try:
        validate("profile", document, "here")
    except (BaselineCorrupt, SchemaTooNew):
        assert not valid or type(document["format"]) is float  # to JSON Schema 1.0 is 1
    else:
        assert valid or "format" not in document


def test_golden_file_of_format_1_is_still_read():
    path = Path(__file__).parent / "golden-profile-1.json"
    assert decode_profile(read_document(path, "profile"), str(path)) == profile()
