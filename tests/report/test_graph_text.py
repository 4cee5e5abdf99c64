"""Graphs as DOT and Mermaid text: whatever the tasks are called, names stay inside their labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.report.graph import dot, mermaid
from pytest_wfperf.report.text import printable

AFTER = {"fetch": (), "lint": ("fetch",), "type check": ("fetch",), "build_docs": ("lint", "type check")}
GROUPS = {"lint": "checks", "type check": "checks"}
TIMES = {"fetch": 12_500_000, "build_docs": 1e9}
HOSTILE = [
    '"', '"]', '"] --> x["', "-->", "end", "a\nb", "a\\", "\\", '\\"', "\\n", "%%{init: {}}%%", "<b>&amp;</b>", "&quot;",
    "#quot;", "#35;", "1. first", "- x", "`code`", "https://a.b", "www.a.b", "x;y", "{}", "[[]]", "style a fill:#f00;",
    "__init__", "**b**", "日本語", "é", "\u202e", "\ud800", "\x00", " ", "   a", "subgraph", "n0", "graph TD", "|", "a/b",
]  # fmt: skip
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), min_size=1, max_size=8))


def test_dot():
    assert (
        dot(AFTER, GROUPS, TIMES, critical=["fetch", "lint", "build_docs"])
        == r"""digraph {
  rankdir=LR;
  node [shape=box];
  n0 [label="fetch\n12.5 ms", color=red, penwidth=2];
  n3 [label="build_docs\n1 s", color=red, penwidth=2];
  subgraph cluster_1 {
    label="checks";
    n1 [label="lint", color=red, penwidth=2];
    n2 [label="type check"];
  }
  n0 -> n1 [color=red, penwidth=2];
  n0 -> n2;
  n1 -> n3 [color=red, penwidth=2];
  n2 -> n3;
}
"""
    )


def test_mermaid():
    assert (
        mermaid(AFTER, GROUPS, TIMES, critical=["fetch", "lint", "build_docs"])
        == """flowchart LR
  n0["fetch<br/>12.5 ms"]
  n3["build_docs<br/>1 s"]
  subgraph g1["checks"]
    n1["lint"]
    n2["type check"]
  end
  n0 --> n1
  n0 --> n2
  n1 --> n3
  n2 --> n3
  classDef critical stroke:red,stroke-width:3px
  class n0,n1,n3 critical
  linkStyle 0,2 stroke:red,stroke-width:3px
"""
    )


def test_a_graph_alone():
    assert dot({"a": ()}) == 'digraph {\n  rankdir=LR;\n  node [shape=box];\n  n0 [label="a"];\n}\n'
    assert mermaid({"a": ()}) == 'flowchart LR\n  n0["a"]\n'
    assert mermaid({"a": ()}, critical=["a"]).endswith("  class n0 critical\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a-b c_d", "a-b c_d"),
        ("1. x", "1#46; x"),
        ('say "hi"', "say #34;hi#34;"),
        ("a -> b", "a #45;#62; b"),
        ("  a  b", "#32;#32;a#32;#32;b"),
        ("_x_", "#95;x#95;"),
        ("#35;", "#35;35#59;"),
        ("日本語", "日本語"),
    ],
)
def test_what_mermaid_could_read_as_more_than_text_is_an_entity(name, text):
    assert mermaid({name: ()}) == f'flowchart LR\n  n0["{text}"]\n'


def read_dot(text):
    """Labels of nodes and of clusters, and edges, by a reader that knows only the lines that may come."""
    nodes, clusters, edges = {}, [], []
    for line in text.split("\n"):
        label = r'"((?:[^"\\]|\\.)*)"'
        if found := re.fullmatch(rf"\s+(n\d+) \[label={label}\];", line):
            nodes[found[1]] = found[2]
        elif found := re.fullmatch(rf"\s+label={label};", line):
            clusters.append(found[1])
        elif found := re.fullmatch(r"  (n\d+) -> (n\d+);", line):
            edges.append((found[1], found[2]))
        else:
            assert re.fullmatch(r"digraph \{|  rankdir=LR;|  node \[shape=box\];|  subgraph cluster_\d+ \{| *\}|", line)
    return nodes, clusters, edges


def read_mermaid(text):
    nodes, clusters, edges = {}, [], []
    for line in text.split("\n"):
        label = r'"((?:[^\W_]|[ _-]|#\d+;)*)"'
        if found := re.fullmatch(rf"\s+(n\d+)\[{label}\]", line):
            nodes[found[1]] = found[2]
        elif found := re.fullmatch(rf"  subgraph g\d+\[{label}\]", line):
            clusters.append(found[1])
        elif found := re.fullmatch(r"  (n\d+) --> (n\d+)", line):
            edges.append((found[1], found[2]))
        else:
            assert re.fullmatch(r"flowchart LR|  end|", line)
    return nodes, clusters, edges


def dot_name(label):
    return re.sub(r"\\(.)", r"\1", label).replace("&amp;", "&")


def mermaid_name(label):
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)


@pytest.mark.parametrize(
    ("draw", "read", "name_of"), [(dot, read_dot, dot_name), (mermaid, read_mermaid, mermaid_name)]
)
@given(names=st.lists(NAMES, unique=True, min_size=2, max_size=6), group=NAMES)
def test_hostile_names_come_back_from_the_text(draw, read, name_of, names, group):
    first, *rest = names
    text = draw({first: (), **dict.fromkeys(rest, (first,))}, {rest[0]: group})
    text.encode()  # whatever a name held, the text can be written
    nodes, clusters, edges = read(text)
    assert {node: name_of(label) for node, label in nodes.items()} == {
        f"n{place}": printable(name) for place, name in enumerate(names)
    }
    assert [name_of(label) for label in clusters] == [printable(group)]
    assert edges == [("n0", f"n{place}") for place in range(1, len(names))]
