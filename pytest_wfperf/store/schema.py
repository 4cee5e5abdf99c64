"""Documents of the store: sealed when written; checked against seal and JSON Schema when read."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from ..errors import BaselineCorrupt, BaselineError, SchemaTooNew
from .columns import decode_environment, decode_profile, decode_times, encode_environment, encode_profile
from .files import corrupt, dump_json, read_json
from .layout import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jsonschema.protocols import Validator

    Test = Callable[[Any], bool]

__all__ = [
    "FORMATS",
    "decode_environment",
    "decode_profile",
    "decode_times",
    "encode_environment",
    "encode_profile",
    "load_schema",
    "read_document",
    "seal",
    "validate",
]

FORMATS = {
    "store": 1,
    "manifest": 1,
    "session": 1,
    "profile": 1,
    "run": 1,
    "results": 1,
    "baseline-metrics": 1,
    "comparison": 1,
    "bottlenecks": 1,
}
"""The newest format of each kind of document, and the one that is written."""

_SCHEMAS = Path(__file__).with_name("schemas")
_TYPES = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (NoneType,)}
_ANNOTATIONS = frozenset(["title", "description"])


def seal(kind: str, body: dict[str, Any], where: str) -> bytes:
    """The bytes of a file that holds ``body``, with its format, kind and checksum.

    Lone surrogates, in a test's message say, become visible escapes. Raises BaselineError for what no reader
    would take back.
    """
    try:
        return _sealed(kind, body, where)
    except UnicodeEncodeError:  # rare, so that what has none is not searched for them
        return _sealed(kind, _storable(body), where)


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(name): _storable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return list(map(_storable, value))
    return storable(value) if isinstance(value, str) else value


def _sealed(kind: str, body: dict[str, Any], where: str) -> bytes:
    data = {**body, "format": FORMATS[kind], "kind": kind}
    try:
        data["checksum"] = _checksum(data)
    except ValueError as error:
        raise BaselineError(f"cannot store {where}: {error}; record finite numbers only") from error
    try:
        validate(kind, data, where)
    except BaselineCorrupt as error:
        raise BaselineError(f"cannot store what no reader would take back: {error}") from error
    return dump_json(data)


def read_document(path: Path, kind: str) -> dict[str, Any]:
    """The content of a file that ``seal`` made.

    Raises BaselineCorrupt for anything else, SchemaTooNew for a format yet to come.
    """
    data = read_json(path)
    if not isinstance(data, dict) or "kind" not in data or "format" not in data:
        corrupt(path, f"it is not a {kind} of this package: it does not state its kind and format")
    if data["kind"] != kind:
        corrupt(path, f"it is a {str(data['kind'])[:40]!r} where a {kind!r} belongs")
    _check_format(kind, data["format"], str(path))
    if data.get("checksum") != _checksum(data):
        corrupt(path, "its content does not match its checksum, so it was damaged or edited by hand")
    validate(kind, data, str(path))
    return data


def validate(kind: str, data: Any, where: str) -> None:
    """Check ``data`` against the schema of its kind and of the format it states.

    Raises BaselineCorrupt or SchemaTooNew naming ``where``.
    """
    number = data.get("format") if isinstance(data, dict) else None
    _check_format(kind, number, where)
    error = next(iter(_validator(kind, FORMATS[kind] if number is None else number).iter_errors(data)), None)
    if error is not None:
        message = error.message if len(error.message) <= 200 else f"{error.message[:120]} … {error.message[-70:]}"
        raise BaselineCorrupt(
            f"{where} cannot be used: at {error.json_path} it does not fit the {kind} schema: {message}; "
            "restore it from version control; `wfperf verify` lists every damaged file"
        )


@cache
def load_schema(kind: str, number: int) -> dict[str, Any]:
    """The JSON Schema of a kind of document in a format this package knows."""
    schema: dict[str, Any] = json.loads((_SCHEMAS / f"{kind}-{number}.json").read_text(encoding="utf-8"))
    return schema


def _check_format(kind: str, number: object, where: str) -> None:
    newest = FORMATS[kind]
    if type(number) is not int or number < 1:
        raise BaselineCorrupt(f"{where} cannot be used: its format {number!r:.40} is no format of a {kind}")
    if number > newest:
        raise SchemaTooNew(
            f"{where} has {kind} format {number}, and this pytest-wfperf reads up to {newest}: "
            "a newer one wrote it; upgrade pytest-wfperf here"
        )


def _checksum(data: dict[str, Any]) -> str:
    body = {name: value for name, value in data.items() if name != "checksum"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


# --- JSON Schema at speed -------------------------------------------------------------


@cache
def _validator(kind: str, number: int) -> Validator:
    """The standard validator, spared from walking what a quick test already accepts."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - costs a start much, a plain run nothing

    schema = load_schema(kind, number)
    tests: dict[int, Test] = {}
    standard = Draft202012Validator.VALIDATORS

    def accepts(subschema: dict[str, Any], value: Any) -> bool:
        test = tests.get(id(subschema))
        if test is None:
            test = tests[id(subschema)] = _quick_test(subschema, schema.get("$defs", {}))
        return test(value)

    def items(validator: Validator, subschema: Any, value: Any, parent: Any) -> Iterator[Any]:
        if not (isinstance(value, list) and all(accepts(subschema, item) for item in value)):
            yield from standard["items"](validator, subschema, value, parent)

    def properties(validator: Validator, subschemas: Any, value: Any, parent: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            rest = {n: s for n, s in subschemas.items() if n in value and not accepts(s, value[n])}
            yield from standard["properties"](validator, rest, value, parent)

    keywords = {"items": items, "properties": properties}
    extended: type[Validator] = validators.extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]
    return extended(schema)


def _quick_test(schema: dict[str, Any], defs: dict[str, Any]) -> Test:
    """A test true only of values that ``schema`` accepts; false means that it cannot tell."""
    keywords = schema.keys() - _ANNOTATIONS
    if keywords == {"$ref"}:
        return _quick_test(defs[schema["$ref"].removeprefix("#/$defs/")], defs)
    if schema.get("type") == "array" and keywords == {"type", "items"}:
        return _array_test(schema["items"], defs)
    if schema.get("type") == "object" and keywords <= {"type", "properties", "required", "additionalProperties"}:
        return _object_test(schema, defs)
    types = _scalar_types(schema)
    if types and schema.get("minimum", 0) == 0:
        bounded = "minimum" in schema
        return lambda value: type(value) in types and not (bounded and value is not None and value < 0)
    return lambda _: False


def _scalar_types(schema: dict[str, Any]) -> frozenset[type]:
    """The exact types of a schema that is a type and perhaps a minimum; empty for any other."""
    stated = schema.get("type", ())
    names = [stated] if isinstance(stated, str) else stated
    if not (schema.keys() - _ANNOTATIONS <= {"type", "minimum"} and all(name in _TYPES for name in names)):
        return frozenset()
    return frozenset(exact for name in names for exact in _TYPES[name])


def _array_test(item: dict[str, Any], defs: dict[str, Any]) -> Test:
    types = _scalar_types(item)
    if types and item.get("minimum", 0) == 0:
        if "minimum" not in item:
            return lambda value: type(value) is list and types.issuperset(map(type, value))
        return lambda value: (
            type(value) is list and types.issuperset(map(type, value)) and min(filter(None, value), default=0) >= 0
        )
    test = _quick_test(item, defs)
    return lambda value: type(value) is list and all(map(test, value))


def _object_test(schema: dict[str, Any], defs: dict[str, Any]) -> Test:
    known = {name: _quick_test(inner, defs) for name, inner in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    more = schema.get("additionalProperties")
    other = _quick_test(more, defs) if isinstance(more, dict) else lambda _: False

    def test(value: Any) -> bool:
        return (
            type(value) is dict
            and required <= value.keys()
            and all(known.get(name, other)(inner) for name, inner in value.items())
        )

    return test
