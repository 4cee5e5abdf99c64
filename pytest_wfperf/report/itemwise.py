"""JSON with an item a line: how long reports in foreign formats are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def itemwise(data: Mapping[str, Any]) -> bytes:
    """``data`` with sorted keys, each on a line of its own, and so each item of a list of objects or lists.

    Raises ValueError for NaN and infinity.
    """
    return ("{\n" + ",\n".join(f"{_compact(key)}: {_value(data[key])}" for key in sorted(data)) + "\n}\n").encode()


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_compact(key)}: {_value(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list) and value and all(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
