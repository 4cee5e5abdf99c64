"""The page's template, its style and its script, which are part of the package."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import printable

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent
STYLES = ("page.css", "charts.css")
LAST = ("charts.js", "table.js")  # they use what the others define
_BREAKS_OUT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


@cache
def style() -> str:
    return "\n".join(_text(name) for name in STYLES)


@cache
def script() -> str:
    """All scripts as one, each in the scope of its own that it brings."""
    first = sorted(path.name for path in FOLDER.glob("*.js") if path.name not in LAST)
    return "\n".join(_text(name) for name in (*first, *LAST))


def digest(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def data(value: Any) -> str:
    """JSON that can stand in a script element: every string printable, nothing that could end the element."""
    return json.dumps(_printable(value), ensure_ascii=False, separators=(",", ":")).translate(_BREAKS_OUT)


def _printable(value: Any) -> Any:
    match value:
        case str():
            return printable(value)
        case dict():
            return {key: _printable(one) for key, one in value.items()}
        case list() | tuple():
            return [_printable(one) for one in value]
        case _:
            return value


@cache
def template() -> Template:
    """The page with every text it is given made printable, then escaped."""
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415  the extra `html` brings it

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=DictLoader({"page": _text("page.html.j2")}),
        finalize=lambda value: printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page")


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()
