"""Foreign text in GitHub's Markdown: whatever it holds, nothing but itself is to be seen.

It stands in ``<code>`` with every character that could mean something as an entity by its number. A code span in
backticks would not do: in a table's cell a ``|`` splits it, a backslash before the ``|`` cannot be told from an escape,
and in the ``<summary>`` of a ``<details>`` it is no code at all. Entities mean themselves in cells, lists and HTML
alike. Outside of code GitHub goes over the finished page once more and links @mentions, #1, GH-1, commits and the
trackers of the repository, so that only words which cannot be any of these stand as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from .text import printable

LONGEST = 1000  # characters of one foreign text
# letters and digits, and between them or before them what then is no emphasis, no list, no link and no emoji
_PLAIN = re.compile(
    r"[^\W_]|(?<=[^\W_])[_:](?=[^\W_])|(?<=:):(?=[^\W_])|(?<=[^\W_]):(?=:)|(?<=[^\W_wW])\.(?=[^\W_])"
    r"|[-+](?=[^\W_])|(?<=[^\W_]):(?= |$)|(?<=[^\W_])/(?=[^\W_])|(?<=\S) (?=\S)|[^\x00-\x7f]|(?<!\d)\)|[,%('\";]"
)
# a word of prose, a number, or an operator
_PROSE = re.compile(
    r"(?!\W*[0-9a-f]{7,40}\W*$)"
    r"[(\"']*(?:[^\W\d_]+(?:[-'.][^\W\d_]+)*|[a-z]?[-+]?\d[\d.,]*(?:/\d+|(?:e[-+]\d+)?[^\W\d_]{0,3})|[-+<>=→]+|%)?[)\"',;.:!?%]*"
)


def code(text: str, longest: int = LONGEST) -> str:
    """The text in ``<code>``; nothing where it is empty."""
    return f"<code>{''.join(_meant(printable(cut(text, longest))))}</code>" if text else ""


def prose(text: str, longest: int = LONGEST) -> str:
    """A sentence in which only what is no plain word or number stands in ``<code>``."""
    text = printable(cut(text, longest))
    pieces = _meant(text)
    for word in re.finditer(r"[^ ]+", text):
        core = word.start() + len(word[0]) - len(word[0].lstrip("("))
        end = word.start() + len(word[0].rstrip("),;.:"))
        if core < end and not _PROSE.fullmatch(text, core, end):
            pieces[core] = f"<code>{pieces[core]}"
            pieces[end - 1] += "</code>"
    return "".join(pieces)


def cut(text: str, longest: int) -> str:
    """The text's beginning and its end where it is too long: a test id tells most there."""
    if len(text) <= longest:
        return text
    head = longest // 3
    return f"{text[:head]}…{text[head + 1 - longest :]}"


def item(text: str) -> str:
    """One line of a list; its text is Markdown already, as are cells and headings below."""
    return f"- {text}\n" if text else ""


def row(cells: Iterable[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |\n"


def head(headers: Sequence[str], right: Collection[str] = ()) -> str:
    """The first two rows of a table; the columns named in ``right`` are set flush right."""
    names = [header.replace("\n", " ") for header in headers]
    return row(names) + row("--:" if header in right else "---" for header in headers)


def table(headers: Sequence[str], rows: Iterable[Iterable[str]], right: Collection[str] = ()) -> str:
    """A whole table."""
    return head(headers, right) + "".join(map(row, rows))


def _meant(text: str) -> list[str]:
    """Every character as itself, or as an entity where it could be taken for more."""
    plain = {found.start() for found in _PLAIN.finditer(text)}
    return [c if place in plain else _entity(c) for place, c in enumerate(text)]


def _entity(character: str) -> str:
    """By its number. GitHub's renderer finds mail addresses in what entities come to, but not across a comment."""
    return f"{'<!-- -->' if character == '@' else ''}&#{ord(character)};"
