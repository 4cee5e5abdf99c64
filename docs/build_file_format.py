"""Writes file-format.md from the JSON Schemas: ``python docs/build_file_format.py``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pytest_wfperf.model import Check, Environment, Launch, Profile, Round, Span
from pytest_wfperf.report import trace
from pytest_wfperf.store.schema import FORMATS, encode_profile, load_schema, seal

FOREIGN = {"trace": trace.FORMAT}  # what is said in formats that are not this package's own
REPORTS = ("results", "baseline-metrics", "comparison", "bottlenecks", *FOREIGN)
PAGE = Path(__file__).with_name("file-format.md")

INTRODUCTION = """\
# The file format of the store

This page is generated from the JSON Schemas in `pytest_wfperf/store/schemas` by
`python docs/build_file_format.py`.

```
.wfperf/
  store.json                               says that this is a store
  baselines/NAME/ENVIRONMENT/
    HEAD                                   the name of the version in force, as one line of text
    0007-3fa9c1/                           a version: one accepted level of performance
      manifest.json                        where it comes from
      20261121T103755Z-1a2b3c/             a session: one run's contribution to it
        session.json                       which workflows are in it
        tests-test-shop-py-...-9f2c….json  the profile of one workflow
  waivers.toml                             permissions, written by hand
  runs/                                    local; brings its own .gitignore
    20261121T103755Z-1a2b3c/               a run: the newest 20 stay
      run.json                             what ran, and whether it came to its end
      tests-test-shop-py-...-9f2c….json    the profile of one workflow, from the moment it was measured
      against/                             the profiles of the other revision, where there was one
    cache/                                 set-up that runs share; see shared-set-up.md
```

- A version's name is a number and six hexadecimal digits, drawn at random. Two branches that
  both save therefore never write the same path: merging them conflicts in `HEAD` alone, where
  keeping one of the two lines decides which level is in force.
- A version, and a session in it, appears under its name complete or not at all, and is never
  changed afterwards. A version may gain further sessions. A name that starts with `.tmp-` is
  an unfinished write; the next save removes it.
- `ENVIRONMENT` ends in a digest of every fact that has to match for times to be comparable. A
  workflow's file is named after the readable end of its node id and a digest of all of it.
- Every file is UTF-8 JSON with sorted keys, an array of plain values on one line. Reading
  refuses a key that is there twice, NaN and infinity, integers beyond 64 bits, more than 64
  levels of nesting and files beyond 64 MiB.
- `format` counts up whenever a file's meaning changes. Every older format can be read; a newer
  one is refused, with the advice to upgrade.
- `checksum` makes damage visible, down to one digit. It does not depend on white space, so line
  endings may be converted.
"""

WAIVERS = """\
## waivers.toml

Written by hand, and the only file that is. Each entry lets one verdict pass for the workflows it
names, up to and including the day it expires:

```toml
[[waiver]]
workflow = "tests/test_shop.py::test_checkout"  # a node id, or a glob such as "tests/slow/*"
verdict = "REGRESSED"                           # FAILED, REGRESSED, MISSING, INCONCLUSIVE, INCOMPARABLE or NEW
reason = "the new renderer is right, and slower until its cache lands"
expires = 2026-12-31                            # a date, without quotes
```

All four keys are needed and no other is known.
"""

EXAMPLE = Profile(
    workflow="tests/test_shop.py::test_checkout",
    environment=Environment(facts=(("cpus", "2"), ("python", "cpython3.12"), ("system", "Linux"))),
    launches=(
        Launch(
            rounds=tuple(
                Round(
                    total_ns=parse_ns + render_ns,
                    spans=(
                        Span(
                            path="parse",
                            count=1,
                            total_ns=parse_ns,
                            min_ns=parse_ns,
                            max_ns=parse_ns,
                            own_ns=parse_ns,
                            start_ns=0,
                            end_ns=parse_ns,
                        ),
                        Span(
                            path="render",
                            count=2,
                            total_ns=render_ns,
                            min_ns=render_ns // 3,
                            max_ns=render_ns - render_ns // 3,
                            own_ns=render_ns,
                            start_ns=parse_ns,
                            end_ns=parse_ns + render_ns,
                            after=("parse",),
                        ),
                    ),
                    checks=(Check(name="valid page", passed=True),),
                )
                for parse_ns, render_ns in ((1_204_400, 3_410_020), (1_198_310, 3_377_904), (1_210_775, 3_402_513))
            ),
            recorder_ns=410,
        ),
    ),
)


def build() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    told: list[dict[str, Any]] = []
    for kind, number in (FORMATS | FOREIGN).items():
        schema = load_schema(kind, number)
        parts.append(f"## {schema['title']}, format {number}\n\n{schema['description']}\n\n{_table(schema)}")
        if kind == "profile":
            parts.append(f"For example:\n\n```json\n{seal(kind, encode_profile(EXAMPLE), 'the example').decode()}```\n")
        if kind in ("profile", *REPORTS):
            more = [part for part in schema["$defs"].values() if part not in told]  # kinds share some of their parts
            told += more
            parts.extend(f"### {part['title']}\n\n{part['description']}\n\n{_table(part)}" for part in more)
    return "\n".join([*parts, WAIVERS])


def _table(schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"Type: {_type(schema)}.\n"
    required = schema.get("required", ())
    rows = ["| key | type | always there | meaning |", "|---|---|---|---|"]
    for name, inner in schema["properties"].items():
        there = "yes" if name in required else "no"
        rows.append(f"| `{name}` | {_type(inner)} | {there} | {inner['description']} |")
    return "\n".join(rows) + "\n"


def _type(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "oneOf" in schema:
        return " or ".join(map(_type, schema["oneOf"]))
    if "enum" in schema:
        return " or ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].replace("_", " ")
    return _plain_type(schema)


def _plain_type(schema: dict[str, Any]) -> str:
    if schema["type"] == "array":
        return f"array of {_type(schema['items'])}"
    if schema["type"] == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_type(inner)} by name" if isinstance(inner, dict) else "object"
    stated = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    bound = f" ≥ {schema['minimum']}" if "minimum" in schema else ""
    return " or ".join(name + bound if name in ("integer", "number") else name for name in stated)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == build() else f"{PAGE} is not what the schemas say: build it")
    PAGE.write_text(build(), encoding="utf-8", newline="\n")
