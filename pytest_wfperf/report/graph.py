"""A graph of tasks as text that Graphviz or Mermaid draws.

A graph is given as what each task comes after; its groups, times and critical path may be added.
Ids are generated and names only ever stand in quoted labels, so that no name can be taken for syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from .text import duration, printable

# Mermaid reads a label as Markdown (lists, links, emphasis) and HTML; this much means itself in both
_PLAIN = re.compile(r"[^\W_]|(?<=[^\W_])[_-](?=[^\W_])|(?<=\S) (?=\S)")


def dot(
    after: Mapping[str, Iterable[str]],
    groups: Mapping[str, str | None] | None = None,
    durations_ns: Mapping[str, float] | None = None,
    critical: Sequence[str] = (),
) -> str:
    """Graphviz's text of a graph from left to right; ``critical`` names the tasks of a path, in order."""
    ids, marked, on_path = _ids(after), "color=red, penwidth=2", set(critical)
    lines = ["digraph {", "  rankdir=LR;", "  node [shape=box];"]
    for place, (group, names) in enumerate(_members(after, groups or {}).items()):
        nodes = []
        for name in names:
            time = _time(name, durations_ns, r"\n")
            style = f", {marked}" if name in on_path else ""
            nodes.append(f'  {ids[name]} [label="{_dot_text(name)}{time}"{style}];')
        framed = [f"  subgraph cluster_{place} {{", f'    label="{_dot_text(group)}";', *_indented(nodes), "  }"]
        lines += framed if group else nodes
    path = set(pairwise(critical))
    for first, then in _edges(after):
        style = f" [{marked}]" if (first, then) in path else ""
        lines.append(f"  {ids[first]} -> {ids[then]}{style};")
    return "\n".join([*lines, "}", ""])


def mermaid(
    after: Mapping[str, Iterable[str]],
    groups: Mapping[str, str | None] | None = None,
    durations_ns: Mapping[str, float] | None = None,
    critical: Sequence[str] = (),
) -> str:
    """Mermaid's text of a graph from left to right; ``critical`` names the tasks of a path, in order."""
    ids = _ids(after)
    lines = ["flowchart LR"]
    for place, (group, names) in enumerate(_members(after, groups or {}).items()):
        nodes = [f'  {ids[name]}["{_mermaid_text(name)}{_time(name, durations_ns, "<br/>")}"]' for name in names]
        framed = [f'  subgraph g{place}["{_mermaid_text(group)}"]', *_indented(nodes), "  end"]
        lines += framed if group else nodes
    path, marked = set(pairwise(critical)), []
    for number, (first, then) in enumerate(_edges(after)):
        lines.append(f"  {ids[first]} --> {ids[then]}")
        if (first, then) in path:
            marked.append(str(number))
    if critical:
        lines.append("  classDef critical stroke:red,stroke-width:3px")
        lines.append(f"  class {','.join(ids[name] for name in critical)} critical")
    if marked:
        lines.append(f"  linkStyle {','.join(marked)} stroke:red,stroke-width:3px")
    return "\n".join([*lines, ""])


def _ids(names: Iterable[str]) -> dict[str, str]:
    return {name: f"n{place}" for place, name in enumerate(names)}


def _members(names: Iterable[str], groups: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Names by group, in order; ``""`` is that of those in none."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(groups.get(name) or "", []).append(name)
    return found


def _edges(after: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    return [(first, then) for then, before in after.items() for first in before]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _time(name: str, durations_ns: Mapping[str, float] | None, line_break: str) -> str:
    return f"{line_break}{duration(durations_ns[name])}" if durations_ns and name in durations_ns else ""


def _dot_text(name: str) -> str:
    """Inside quotes: Graphviz knows backslash escapes and HTML's entities there."""
    return printable(name).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_text(name: str) -> str:
    """Inside quotes: everything that could mean something is an entity by its number."""
    text = printable(name)
    plain = {found.start() for found in _PLAIN.finditer(text)}
    return "".join(c if place in plain else f"#{ord(c)};" for place, c in enumerate(text))
