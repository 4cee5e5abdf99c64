"""Work on text: JSON, regular expressions, and a small calculator in pure Python."""

import hashlib
import json
import re

from .settings import units

ORDER = json.dumps([{"id": i, "name": f"name {i}", "tags": [str(i % 7)] * 3, "price": i * 1.5} for i in range(40)])
NAME = re.compile(r'"name": "(\w+) (\d+)"')
TOKEN = re.compile(r"\s*(?:(\d+)|(.))")
FORMULA = "(1 + 2 * (3 + 4)) * (5 + 6 * 7) - (8 - 9 * (10 + 11)) / (12 + 13)"


def parse():
    """Read one order again and again."""
    found = None
    for _ in range(units("parse")):
        found = json.loads(ORDER)
    return found


def match():
    found = None
    for _ in range(units("match")):
        found = NAME.findall(ORDER)
    return found


def digest():
    """Hash one order again and again."""
    found = ""
    data = ORDER.encode() * 2
    for _ in range(units("digest")):
        found = hashlib.sha256(data).hexdigest()
    return found


def calculate():
    found = 0
    for _ in range(units("calculate")):
        found = value_of(FORMULA)
    return found


def value_of(formula):
    """The value of a formula with brackets, products before sums."""
    tokens = tokenize(formula)
    value, position = sum_at(tokens, 0)
    if tokens[position] != "end":
        raise ValueError(formula)
    return value


def tokenize(formula):
    tokens = []
    for number, sign in TOKEN.findall(formula):
        tokens.append(int(number) if number else sign)
    tokens.append("end")
    return tokens


def sum_at(tokens, position):
    """The value of the sum that starts at a position, and where it ends."""
    value, position = product_at(tokens, position)
    while tokens[position] in ("+", "-"):
        sign = tokens[position]
        other, position = product_at(tokens, position + 1)
        value = value + other if sign == "+" else value - other
    return value, position


def product_at(tokens, position):
    value, position = atom_at(tokens, position)
    while tokens[position] in ("*", "/"):
        sign = tokens[position]
        other, position = atom_at(tokens, position + 1)
        value = value * other if sign == "*" else value / other
    return value, position


def atom_at(tokens, position):
    """A number, or what stands in brackets."""
    if tokens[position] != "(":
        return tokens[position], position + 1
    value, position = sum_at(tokens, position + 1)
    return value, position + 1


def described_text(row, width):
    """Nobody calls this."""
    return "{} of {} wide, {:.2f}".format(row, width, width / 7)  # noqa: UP032
